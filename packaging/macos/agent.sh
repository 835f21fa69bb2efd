#!/bin/sh
# Runs the engine while you are logged on, also without the window: agent.sh install | remove | status
set -eu

label=dk.lastvagt.engine
here=$(cd "$(dirname "$0")" && pwd)
program="${LASTVAGT_APP:-/Applications/Lastvagt.app}/Contents/MacOS/lastvagt-engine"
plist="$HOME/Library/LaunchAgents/$label.plist"
domain="gui/$(id -u)"

# as_xml TEXT: for a property list, and as what sed puts in
as_xml() { printf '%s' "$1" | sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/[&|\\]/\\&/g'; }

case "${1:-}" in
install)
    [ -x "$program" ] || {
        echo "There is no engine at $program. Put Lastvagt into Applications first." >&2
        exit 4
    }
    mkdir -p "$HOME/Library/LaunchAgents" "$HOME/Library/Logs"
    sed -e "s|@PROGRAM@|$(as_xml "$program")|" -e "s|@LOG@|$(as_xml "$HOME/Library/Logs/lastvagt-engine.err.log")|" \
        "$here/$label.plist" >"$plist"
    launchctl bootout "$domain/$label" 2>/dev/null || true # an earlier one
    launchctl bootstrap "$domain" "$plist"
    echo "The engine runs now and after each log-in. Its log: ~/Library/Application Support/lastvagt/engine.log"
    ;;
remove)
    launchctl bootout "$domain/$label" 2>/dev/null || true
    rm -f "$plist"
    echo "The engine no longer runs by itself. Data stay in ~/Library/Application Support/lastvagt."
    ;;
status)
    launchctl print "$domain/$label"
    ;;
*)
    echo "usage: $0 install | remove | status" >&2
    exit 2
    ;;
esac
