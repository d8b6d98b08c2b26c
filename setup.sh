#!/usr/bin/env bash
# Makes the virtual environment and sees to the system libraries: by apt where that is allowed, else it says what to install.
set -euo pipefail
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}

"$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || {
    echo "glasspatch needs Python 3.11 (acids-rave has no wheels for newer ones). Install it and call: make PYTHON=python3.11" >&2
    exit 1
}

missing=()
has_library() { ldconfig -p 2>/dev/null | grep -q "$1"; }
if [ "$(uname)" = Linux ]; then
    has_library libportaudio.so.2 || missing+=(libportaudio2)   # sound devices
    has_library libGL.so.1 || missing+=(libgl1)                 # OpenCV, MediaPipe and the window
    has_library libEGL.so.1 || missing+=(libegl1)               # MediaPipe
    has_library libGLESv2.so.2 || missing+=(libgles2)           # MediaPipe
    has_library libglib-2.0.so.0 || missing+=(libglib2.0-0)     # OpenCV
    "$PYTHON" -c 'import ensurepip' 2>/dev/null || missing+=(python3.11-venv)
fi
# The tests play to a sound server without a card, and to MIDI ports of JACK's dummy. Never beside PipeWire: it would be pushed out.
if [ "${1:-}" = --tests ] && [ "$(uname)" = Linux ] && ! command -v pipewire >/dev/null; then
    command -v pulseaudio >/dev/null || missing+=(pulseaudio pulseaudio-utils libasound2-plugins)
    command -v jackd >/dev/null || missing+=(jackd2)
fi
# The window's tests open a real window on a screen that nobody sees, and use its mouse and keyboard.
if [ "${1:-}" = --tests ] && [ "$(uname)" = Linux ]; then
    command -v Xvfb >/dev/null || missing+=(xvfb)
    command -v xdotool >/dev/null || missing+=(xdotool)
    has_library libGLX_mesa.so.0 || missing+=(libgl1-mesa-dri libglx-mesa0)
fi
# The report's page is opened in a real browser.
if [ "${1:-}" = --tests ] && [ "$(uname)" = Linux ]; then
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
fi
if [ "${1:-}" = --tests ] && ! command -v espeak-ng >/dev/null; then missing+=(espeak-ng); fi  # speech for their recordings
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
        "${as_root[@]}" apt-get update -q >/dev/null
        DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}" >/dev/null
    elif [ "$(uname)" = Darwin ]; then
        echo "please install: brew install ${missing[*]}" >&2
    else
        echo "please install: sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi

[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]'

# librosa and the regressor compile parts of themselves at their first use and keep them beside their code: done now, nobody waits for
# it while a sound plays.
"$VENV/bin/python" -c 'from runtime.compiled import import_compiled
for name in ("librosa.onset", "nodes.regression_compiled"): import_compiled(name)'
