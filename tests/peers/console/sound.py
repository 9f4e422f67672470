"""Sound as numbers: mu-law, tones, and where one sound stands in another."""

import math
import struct
import wave
from pathlib import Path

RATE = 8000


def decode(byte):
    """The sample of a mu-law byte (ITU-T G.711)."""
    value = ~byte & 255
    size = ((((value & 15) << 3) + 132) << (value >> 4 & 7)) - 132
    return -size if value & 128 else size


def encode(sample):
    """The mu-law byte of a sample."""
    value, sign = min(32635, abs(sample)) + 132, 0x80 if sample < 0 else 0
    exponent = value.bit_length() - 8
    return ~(sign | exponent << 4 | (value >> (exponent + 3)) & 15) & 255


def voice(pitch, seconds, rate=RATE):
    """A tone that pulsates as a voice does, as samples."""
    return [int(9000 * (0.6 + 0.4 * math.sin(2 * math.pi * 4 * n / rate)) * math.sin(2 * math.pi * pitch * n / rate)) for n in range(int(seconds * rate))]


def sweep(low, high, seconds, rate=RATE):
    """A voice whose pitch rises all the time, as samples."""
    angle, samples = 0.0, []
    for n in range(int(seconds * rate)):
        angle += 2 * math.pi * (low + (high - low) * n / (seconds * rate)) / rate
        samples.append(int(9000 * (0.6 + 0.4 * math.sin(2 * math.pi * 4 * n / rate)) * math.sin(angle)))
    return samples


def speech(language):
    """A sentence that the service bundles for its own phone, as mu-law."""
    file = (Path(__file__).resolve().parents[3] / f"src/tools/phone/speech/{language}.wav").read_bytes()
    return file[file.index(b"data") + 8 :]


def frames(sound):
    """Samples, or mu-law, as messages of 20 ms of mu-law."""
    sound = sound if isinstance(sound, bytes) else bytes(map(encode, sound))
    return [sound[at : at + 160].ljust(160, b"\xff") for at in range(0, len(sound), 160)]


def write_tone(path, pitch, seconds, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(struct.pack(f"<{int(seconds * rate)}h", *voice(pitch, seconds, rate)))
    return path


def share(samples, pitch, rate=RATE):
    """The share of the energy at a pitch, 0 to 1."""
    turn = [2 * math.pi * pitch * n / rate for n in range(len(samples))]
    sine, cosine = (sum(sample * wave_of(angle) for sample, angle in zip(samples, turn)) for wave_of in (math.sin, math.cos))
    energy = sum(sample * sample for sample in samples) * len(samples)
    return 2 * (sine * sine + cosine * cosine) / energy if energy else 0


def tenths(samples, pitch, least=0.5):
    """How long a pitch sounds, in seconds, by tenths of a second."""
    return sum(share(samples[at : at + 800], pitch) > least for at in range(0, len(samples) - 799, 800)) / 10


def earliness(listened, heard, every=4000, length=240):
    """By how much a listener is early, in seconds, for stretches of what the caller heard: both are lists of a time of day
    and mu-law. Only stretches that stand in the listener's sound once are compared."""
    stream = b"".join(sound for _, sound in listened)
    starts, at = [], 0
    for when, sound in listened:
        starts.append((at, when))
        at += len(sound)
    pieces, at, whole = [], 0, b"".join(sound for _, sound in heard)
    for when, sound in heard:
        pieces.append((at, when))
        at += len(sound)

    def moment(table, place):
        first, when = max((entry for entry in table if entry[0] <= place), key=lambda entry: entry[0])
        return first, when

    found = []
    for place in range(0, len(whole) - length, every):
        stretch = whole[place : place + length]
        if len(set(stretch)) < 20 or stream.count(stretch) != 1:
            continue
        first, when = moment(pieces, place)
        hears = when + (place - first) / RATE
        there = stream.find(stretch)
        # A message is heard from its first sample on, as soon as it is there.
        first, came = moment(starts, there)
        found.append(hears - (came + (there - first) / RATE))
    return found
