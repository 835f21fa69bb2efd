#!/usr/bin/env bash
# Makes .venv with the program and all its extras; what Qt needs from the system is installed where that is allowed, else named.
# PYTHON chooses the interpreter (3.11 to 3.13).
set -euo pipefail
cd "$(dirname "$0")/.."

is_debian() { command -v apt-get >/dev/null 2>&1; }

# install_or_name PACKAGE...: as root on Debian or Ubuntu install them, else say in one line what to install.
install_or_name() {
    if is_debian && [ "$(id -u)" = 0 ]; then
        echo "Installing system packages: $*"
        apt-get update -qq
        local packages=("$@")
        if apt-cache show libglib2.0-0t64 >/dev/null 2>&1; then # the name since Debian 13 and Ubuntu 24.04
            packages=("${packages[@]/%libglib2.0-0/libglib2.0-0t64}")
        fi
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    else
        echo "Missing system packages (names of Debian 12): $*. Install them, for example: sudo apt-get install $*" >&2
        return 1
    fi
}

# file that the loader must find, package that brings it
qt_libraries="
libGL.so.1 libgl1
libEGL.so.1 libegl1
libglib-2.0.so.0 libglib2.0-0
libfontconfig.so.1 libfontconfig1
libxkbcommon.so.0 libxkbcommon0
libdbus-1.so.3 libdbus-1-3
libgomp.so.1 libgomp1
"
xcb_libraries="
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-keysyms.so.1 libxcb-keysyms1
libxkbcommon-x11.so.0 libxkbcommon-x11-0
"

missing_packages() {
    local loadable library package
    loadable=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p)
    while read -r library package; do
        if [ -n "$library" ] && ! grep -qF "$library " <<<"$loadable"; then
            echo "$package"
        fi
    done <<<"$qt_libraries${DISPLAY:+$xcb_libraries}"
    if [ -z "$(find /usr/share/fonts /usr/local/share/fonts "$HOME/.fonts" -name '*.[to]tf' -print -quit 2>/dev/null)" ]; then
        echo fonts-dejavu-core
    fi
}

if [ "$(uname -s)" = Linux ]; then
    missing=$(missing_packages)
    # shellcheck disable=SC2086  # a list of package names
    [ -z "$missing" ] || install_or_name $missing || true # only the windows need them
fi

usable() { "$1" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        if usable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

if ! usable .venv/bin/python; then
    if ! python=$(find_python); then
        is_debian && install_or_name python3 python3-venv || true
        python=$(find_python) || {
            echo "No Python 3.11, 3.12 or 3.13 with venv was found. Install one, or name it: make PYTHON=/path/to/python3.12" >&2
            exit 1
        }
    fi
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv .venv
fi
echo "Installing the program and its dependencies into .venv (a few minutes the first time)"
.venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check -c constraints.txt -e ".[app,train,dev]"
touch .venv/.ready
