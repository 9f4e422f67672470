"""Speech to send and ways to compare it: G.711 mu-law, 8 <-> 24 kHz by Fourier transform, correlation after alignment."""
import wave

import numpy as np

_MULAW = np.zeros(256, dtype=np.int16)
for _code in range(256):
    _u = ~_code & 0xFF
    _t = (((_u & 0x0F) << 3) + 0x84) << ((_u & 0x70) >> 4)
    _MULAW[_code] = (0x84 - _t) if _u & 0x80 else (_t - 0x84)
_ORDER = np.argsort(_MULAW, kind="stable")
_SORTED = _MULAW[_ORDER].astype(np.int32)


def mulaw_decode(data: bytes) -> np.ndarray:
    return _MULAW[np.frombuffer(data, dtype=np.uint8)]


def mulaw_encode(pcm: np.ndarray) -> bytes:
    """Nearest code word."""
    x = pcm.astype(np.int32)
    right = np.clip(np.searchsorted(_SORTED, x), 1, 255)
    left = right - 1
    nearer = np.where(np.abs(_SORTED[left] - x) <= np.abs(_SORTED[right] - x), left, right)
    return _ORDER[nearer].astype(np.uint8).tobytes()


def resample(pcm: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Ideal band-limited resampling of a whole recording."""
    n_out = len(pcm) * to_hz // from_hz
    spectrum = np.fft.rfft(pcm.astype(np.float64))
    keep = min(len(spectrum), n_out // 2 + 1)
    padded = np.zeros(n_out // 2 + 1, dtype=complex)
    padded[:keep] = spectrum[:keep]
    out = np.fft.irfft(padded, n_out) * (to_hz / from_hz)
    return np.clip(np.rint(out), -32768, 32767).astype(np.int16)


def babble(seconds: float, seed: int, rate: int = 8000) -> np.ndarray:
    """Speech-like: noise shaped to 300-3000 Hz with syllables at about 4 Hz. Another seed is another speaker."""
    rng = np.random.default_rng(seed)
    n = round(seconds * 1000) * rate // 1000
    spectrum = np.fft.rfft(rng.standard_normal(n))
    f = np.fft.rfftfreq(n, 1 / rate)
    spectrum *= np.where((f > 300) & (f < 3000), 1 / np.sqrt(np.maximum(f, 300) / 300), 0)
    carrier = np.fft.irfft(spectrum, n)
    t = np.arange(n) / rate
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * (3.2 + 0.2 * (seed % 7)) * t + seed)
    voice = carrier / np.abs(carrier).max() * syllables
    fade = np.minimum(1, np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.02 * rate))
    return np.rint(voice * fade * 14000).astype(np.int16)


def read_wav(path: str) -> tuple[np.ndarray, int]:
    with wave.open(path, "rb") as w:
        assert w.getsampwidth() == 2 and w.getnchannels() == 1, path
        return np.frombuffer(w.readframes(w.getnframes()), dtype="<i2"), w.getframerate()


def best_match(needle: np.ndarray, hay: np.ndarray) -> tuple[float, int]:
    """Normalised correlation at the best alignment of `needle` within `hay`, and where that is (samples)."""
    if len(hay) < len(needle):
        hay = np.concatenate([hay, np.zeros(len(needle) - len(hay), dtype=hay.dtype)])
    a, b = needle.astype(np.float64), hay.astype(np.float64)
    size = 1 << (len(a) + len(b) - 1).bit_length()
    products = np.fft.irfft(np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size)), size)[: len(b) - len(a) + 1]
    energy = np.concatenate([[0.0], np.cumsum(b * b)])
    energy = energy[len(a) :] - energy[: len(energy) - len(a)]
    # What is as good as silent matches nothing, whatever is left of it by rounding.
    scores = products / (np.sqrt(np.maximum(energy, 1e-3 * (a * a).sum()) * (a * a).sum()) + 1e-9)
    at = int(np.argmax(scores))
    return float(scores[at]), at
