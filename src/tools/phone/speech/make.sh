#!/bin/sh
# Makes the bundled callers from sentences.tsv: 8 kHz mono mu-law, spoken by espeak-ng.
# Needs espeak-ng and sox (apt-get install -y espeak-ng sox). The results are committed; run this only to change them.
set -eu
cd "$(dirname "$0")"
tab="$(printf '\t')"
while IFS="$tab" read -r code text; do
    spoken="$(mktemp --suffix=.wav)"
    # Somewhat slower than a person reads, at one pitch for every language.
    espeak-ng -v "$code" -s 150 -p 40 -w "$spoken" "$text"
    # Silence at both ends goes: when the caller begins and ends is then known to the sample.
    sox -D "$spoken" -r 8000 -c 1 -e mu-law "$code.wav" \
        rate -v highpass 200 silence 1 0.01 1% reverse silence 1 0.01 1% reverse norm -3
    rm -f "$spoken"
done < sentences.tsv
