//! Splits a recording into the turns between its pauses. Pure.

use std::ops::Range;

/// Returns the turns of `speech`, 8 kHz: the parts between pauses of at least a fifth of a second
/// that are long enough to be recognised again. Returns the whole speech if it has no such turn.
pub(super) fn turns(speech: &[i16]) -> Vec<Range<usize>> {
    let levels: Vec<f64> = speech.chunks(PIECE).map(power).collect();
    let loudest = levels.iter().copied().fold(0.0, f64::max);
    let mut turns: Vec<Range<usize>> = Vec::new();
    for (at, _) in levels.iter().enumerate().filter(|(_, level)| **level > loudest * QUIET) {
        match turns.last_mut() {
            Some(turn) if at - turn.end < PAUSE => turn.end = at + 1,
            Some(_) | None => turns.push(at..at + 1),
        }
    }
    turns.retain(|turn| turn.len() >= SHORTEST);
    if turns.is_empty() {
        return std::iter::once(0..speech.len()).collect();
    }
    turns.into_iter().map(|turn| turn.start * PIECE..(turn.end * PIECE).min(speech.len())).collect()
}

/// Level of the loudest moment in dBFS. A square wave at full scale is 0.
pub(super) fn loudest_dbfs(speech: &[i16]) -> f64 {
    let loudest = speech.chunks(PIECE).map(power).fold(0.0, f64::max);
    10.0 * loudest.max(1e-12).log10()
}

/// Mean square, relative to full scale.
fn power(piece: &[i16]) -> f64 {
    let sum: f64 = piece.iter().map(|sample| (f64::from(*sample) / 32_768.0).powi(2)).sum();
    sum / piece.len().max(1) as f64
}

/// Samples judged together: 20 ms.
const PIECE: usize = 160;
/// Quiet pieces that separate two turns. This is more than the gap before a plosive and less than
/// the pause at which a server ends a turn, so every turn of the server contains at least one of
/// these.
const PAUSE: usize = 10;
/// Minimum length of a turn, in pieces: one second.
const SHORTEST: usize = 50;
/// Quiet is 26 dB below the loudest moment: the background noise of the room.
const QUIET: f64 = 0.0025;

#[cfg(test)]
mod tests;
