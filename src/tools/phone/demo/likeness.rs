//! Detects whether one recording is contained in another. Pure.
//!
//! The speech is cut into pieces of half a second. Each piece is searched by normalised
//! correlation, coarsely at a quarter of the rate and then to the sample. The search uses pieces
//! rather than the whole speech because an answer may omit the first syllable or a pause and still
//! contain the same words.

use serde::Serialize;

/// How much of a speech was found, and where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Likeness {
    /// Share of the speech that was found, weighted by energy: 0 to 1.
    pub share: f64,
    /// Median correlation of the pieces that were found. 1 is the same waveform.
    pub correlation: f64,
    /// Start of the speech, in milliseconds from the beginning of the search. `None` if nothing was
    /// found.
    pub begins_ms: Option<u64>,
}

/// Searches for `speech` in `heard`, both 8 kHz.
pub(super) fn likeness(speech: &[i16], heard: &[i16]) -> Likeness {
    let whole = energy(speech);
    if whole == 0.0 || heard.len() < PIECE {
        return Likeness::default();
    }
    let coarse_heard = coarse(heard);
    let mut found: Vec<(f64, f64, i64)> = Vec::new();
    for (index, piece) in speech.chunks(PIECE).enumerate().filter(|(_, piece)| piece.len() == PIECE) {
        let weight = energy(piece) / whole;
        let (at, correlation) = best(piece, heard, &coarse(piece), &coarse_heard);
        if correlation >= ALIKE {
            found.push((correlation, weight, at as i64 - (index * PIECE) as i64));
        }
    }
    // Pieces of one utterance lie one after the other: they agree on where it begins. The first
    // syllable may be cut, so they agree within a tolerance and not to the sample.
    let begins = found.iter().map(|(_, _, begins)| *begins);
    let agreeing = |begins: i64| found.iter().filter(move |(_, _, other)| (other - begins).abs() <= TOLERANCE);
    let weight = |begins: i64| agreeing(begins).map(|(_, weight, _)| weight).sum::<f64>();
    let Some(begins) = begins.max_by(|one, other| weight(*one).total_cmp(&weight(*other))) else {
        return Likeness::default();
    };
    let mut correlations: Vec<f64> = agreeing(begins).map(|(correlation, ..)| *correlation).collect();
    correlations.sort_by(f64::total_cmp);
    Likeness {
        // The remainder after the last whole piece is not searched.
        share: (weight(begins) / covered(speech, whole)).min(1.0),
        correlation: correlations[correlations.len() / 2],
        begins_ms: Some(u64::try_from(begins).unwrap_or(0) / 8),
    }
}

/// Length of a piece: half a second. Shorter: any vowel matches any other. Longer: one cut syllable
/// costs much of the speech.
const PIECE: usize = 4000;
/// Minimum correlation of a match. The same words through a telephone are above it; different
/// speech stays below 0.5.
const ALIKE: f64 = 0.7;
/// Maximum distance of a piece from its expected position: a quarter of a second.
const TOLERANCE: i64 = 2000;
/// The coarse search takes every fourth sample of a running average, which preserves the pitch of a
/// voice.
const COARSE: usize = 4;
/// Number of coarse matches that are refined to the sample. Fewer: the right one may rank behind a
/// wrong one, because the coarse search is off by up to two samples. More: the search takes longer.
const CANDIDATES: usize = 40;

/// The share of the energy that whole pieces cover.
fn covered(speech: &[i16], whole: f64) -> f64 {
    let part = energy(&speech[..speech.len() / PIECE * PIECE]) / whole;
    part.max(f64::MIN_POSITIVE)
}

/// Returns where `piece` fits best into `heard`, and the correlation there.
fn best(piece: &[i16], heard: &[i16], coarse_piece: &[f32], coarse_heard: &[f32]) -> (usize, f64) {
    let mut candidates: Vec<(usize, f64)> = Vec::new();
    let own = power(coarse_piece);
    // Energy inside the window, updated as the window slides.
    let mut under = power(&coarse_heard[..coarse_piece.len()]);
    for start in 0..=coarse_heard.len() - coarse_piece.len() {
        if start > 0 {
            under += f64::from(coarse_heard[start + coarse_piece.len() - 1]).powi(2)
                - f64::from(coarse_heard[start - 1]).powi(2);
        }
        if under < own / 100.0 {
            continue;
        }
        let window = &coarse_heard[start..start + coarse_piece.len()];
        let product: f32 = coarse_piece.iter().zip(window).map(|(one, other)| one * other).sum();
        let correlation = f64::from(product) / (own * under).sqrt();
        match candidates.last_mut() {
            // Neighbouring positions belong to the same peak.
            Some(last) if start * COARSE - last.0 <= 2 * COARSE => {
                if correlation > last.1 {
                    *last = (start * COARSE, correlation);
                }
            }
            Some(_) | None => candidates.push((start * COARSE, correlation)),
        }
    }
    candidates.sort_by(|one, other| other.1.total_cmp(&one.1));
    candidates.truncate(CANDIDATES);
    let last = heard.len() - piece.len();
    let near = candidates.iter().flat_map(|(at, _)| at.saturating_sub(2 * COARSE)..=(at + 2 * COARSE).min(last));
    let fine = near.map(|start| (start, correlation(piece, &heard[start..start + piece.len()])));
    fine.max_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or((0, 0.0))
}

/// Every fourth sample of a running sum of eight.
fn coarse(samples: &[i16]) -> Vec<f32> {
    let sums = samples.windows(2 * COARSE).step_by(COARSE);
    sums.map(|window| window.iter().map(|sample| f32::from(*sample)).sum()).collect()
}

fn power(samples: &[f32]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

fn energy(samples: &[i16]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

fn correlation(one: &[i16], other: &[i16]) -> f64 {
    let product: f64 = one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum();
    let scale = (energy(one) * energy(other)).sqrt();
    if scale > 0.0 { product / scale } else { 0.0 }
}

#[cfg(test)]
mod tests;
