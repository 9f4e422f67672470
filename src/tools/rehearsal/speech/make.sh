#!/bin/sh
# Makes the bundled speech of the rehearsal model again. Needs espeak-ng and sox (apt-get install -y espeak-ng sox).
# Each line becomes `<language>-<line>.wav`: 24 kHz mono mu-law, trimmed, -20 dBFS, silent at both ends.
# The words stand in `lines.tsv`, which `../speech.rs` reads too, so that a transcript cannot differ from its sound.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

grep -v '^#' lines.tsv | while IFS="$(printf '\t')" read -r language line voice words_per_minute text; do
    out="$language-$line.wav"
    espeak-ng -v "$voice" -s "$words_per_minute" -p 45 -w "$work/raw.wav" "$text"
    # Trim both ends, cut pauses to 0.16 s, then 24 kHz by a steep filter; the threshold is far below the softest phoneme.
    sox "$work/raw.wav" -b 16 "$work/trimmed.wav" silence -l 1 0.005 0.3% -1 0.16 0.3% \
        reverse silence 1 0.005 0.3% reverse rate -v 24000
    level=$(sox "$work/trimmed.wav" -n stats 2>&1 | awk '/^RMS lev dB/ { print $4 }')
    gain=$(awk -v level="$level" 'BEGIN { print -20 - level }')
    # Limited before mu-law; 10 ms of silence and 8 ms fades so that no end clicks; undithered, so that silence is silence.
    sox -D "$work/trimmed.wav" -c 1 -e mu-law -b 8 "$out" gain -l "$gain" fade h 0.008 -0 0.008 pad 0.01 0.02
done
