#!/usr/bin/env bash
# Makes Lastvagt.dmg of the frozen Lastvagt.app: signs where CODESIGN_IDENTITY is set, has it notarised where NOTARY_PROFILE is too.
#   packaging/macos/package.sh APP OUT.dmg
# The profile is kept once in the keychain: xcrun notarytool store-credentials PROFILE --apple-id ... --team-id ...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
app=$1
dmg=$2

cp "$here/agent.sh" "$here/dk.lastvagt.engine.plist" "$app/Contents/Resources/"
if [ -n "${CODESIGN_IDENTITY:-}" ]; then
    # From the inside out: libraries, then programs, then the bundle. --deep would give libraries the programs' entitlements.
    find "$app/Contents/Frameworks" -type f \( -name '*.so' -o -name '*.dylib' -o -perm -u+x \) -print0 |
        xargs -0 -n 50 codesign --force --timestamp --options runtime --sign "$CODESIGN_IDENTITY"
    for program in lastvagt-engine lastvagt; do
        codesign --force --timestamp --options runtime --entitlements "$here/entitlements.plist" \
            --sign "$CODESIGN_IDENTITY" "$app/Contents/MacOS/$program"
    done
    codesign --force --timestamp --options runtime --entitlements "$here/entitlements.plist" --sign "$CODESIGN_IDENTITY" "$app"
else
    echo "CODESIGN_IDENTITY is not set: signed for this machine only, others will refuse to open it without a detour." >&2
    codesign --force --deep --sign - "$app"
fi
codesign --verify --strict --deep "$app"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R "$app" "$folder/"
ln -s /Applications "$folder/Applications"
hdiutil create -volname Lastvagt -srcfolder "$folder" -format ULMO -ov "$dmg"

if [ -n "${CODESIGN_IDENTITY:-}" ]; then
    codesign --timestamp --sign "$CODESIGN_IDENTITY" "$dmg"
    if [ -n "${NOTARY_PROFILE:-}" ]; then
        xcrun notarytool submit "$dmg" --keychain-profile "$NOTARY_PROFILE" --wait
        xcrun stapler staple "$dmg"
        spctl --assess --type open --context context:primary-signature "$dmg"
    fi
fi
