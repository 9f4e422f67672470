#!/bin/sh
# Makes the bundled recordings from the words in config.toml: 8 kHz mono mu-law, spoken by espeak-ng.
# Needs espeak-ng, sox and python3 (apt-get install -y espeak-ng sox python3). The results are committed; run this only when the words
# have changed.
set -eu
cd "$(dirname "$0")"
for words in apology filler; do
    python3 -c 'import sys, tomllib; [print(code, language[sys.argv[1]], sep="\t") for code, language in tomllib.load(open("../../../config.toml", "rb"))["languages"].items()]' $words |
        while IFS="$(printf '\t')" read -r code text; do
            spoken="$(mktemp --suffix=.wav)"
            espeak-ng -v "$code" -s 150 -p 40 -w "$spoken" "$text"
            sox -D "$spoken" -r 8000 -c 1 -e mu-law "$words/$code.wav" \
                rate -v highpass 200 silence 1 0.01 1% reverse silence 1 0.01 1% fade 0.01 reverse fade 0.01 norm -6
            rm -f "$spoken"
        done
done
