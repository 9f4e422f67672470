//! The corpus: scenes of a few seconds on a telephone line, each from a seed.

use switchboard_actors::carrier::Encoding;

use crate::noises::Kind;
use crate::random::Random;
use crate::sound::{background, level, mix, samples, scale, through_the_line};
use crate::voices::{self, Voice};

/// What a line carries for a few seconds.
#[derive(Debug)]
pub(crate) struct Scene {
    /// The samples, as they arrive.
    pub(crate) samples: Vec<i16>,
    /// Where the speech begins and ends, if there is any.
    pub(crate) speech: Option<(usize, usize)>,
    /// Where the sound begins that is to be judged.
    pub(crate) begins: usize,
}

/// A caller who says a sentence after a silence.
pub(crate) fn speech(voices: &[Voice], seed: u64) -> Scene {
    let mut random = Random::new(seed);
    let mut voice = voices::any(voices, &mut random);
    let noise = random.between(-70.0, -45.0);
    scale(&mut voice.sound, random.between(noise.max(-52.0) + 18.0, -10.0));
    // Speech begins where it can be heard over the line's noise.
    let least = 2.0 * 32_768.0 * 10_f32.powf(noise / 20.0);
    let heard = |at: usize| level(&voice.sound[at..(at + 80).min(voice.sound.len())]) >= least;
    let onset = (voice.onset..voice.end).step_by(80).find(|at| heard(*at)).unwrap_or(voice.onset);
    scene(&voice.sound, Some((onset, voice.end)), noise, &mut random)
}

/// A sound of this kind after a silence.
pub(crate) fn noise(kind: Kind, seed: u64) -> Scene {
    let mut random = Random::new(seed);
    let sound = kind.sound(&mut random);
    let noise = random.between(-70.0, -45.0);
    scene(&sound, None, noise, &mut random)
}

fn scene(sound: &[f32], speech: Option<(usize, usize)>, noise: f32, random: &mut Random) -> Scene {
    let begins = samples(random.between(0.8, 1.5));
    let mut all = background(begins + sound.len() + samples(1.0), noise, random);
    mix(&mut all, sound, begins);
    let encoding = if random.chance(50) { Encoding::MuLaw } else { Encoding::ALaw };
    let speech = speech.map(|(onset, end)| (begins + onset, begins + end));
    Scene { samples: through_the_line(&all, encoding), speech, begins }
}
