#!/bin/sh
# Makes the bundled fillers from the words in config.toml: 8 kHz mono mu-law, spoken by espeak-ng.
# Needs espeak-ng, sox and python3 (apt-get install -y espeak-ng sox python3). The results are committed; run this only when the words
# have changed.
set -eu
cd "$(dirname "$0")"
python3 -c 'import tomllib; [print(code, language["filler"], sep="\t") for code, language in tomllib.load(open("../../../config.toml", "rb"))["languages"].items()]' |
    while IFS="$(printf '\t')" read -r code text; do
        spoken="$(mktemp --suffix=.wav)"
        espeak-ng -v "$code" -s 150 -p 40 -w "$spoken" "$text"
        sox -D "$spoken" -r 8000 -c 1 -e mu-law "$code.wav" \
            rate -v highpass 200 silence 1 0.01 1% reverse silence 1 0.01 1% fade 0.01 reverse fade 0.01 norm -6
        rm -f "$spoken"
    done
