//! Level and correction of the line's audio: `[audio]` and a table in it for each carrier. Pure.

use switchboard_actors::audio::level::{Gain, Levels, MOST_GAIN_DB};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::profile::AudioPlan;

use super::kinds::{flag, number};
use super::reader::Section;

/// Reads `[audio]`.
pub(super) fn read(section: &Section<'_>) -> Option<AudioPlan> {
    let correct = section.read("correct", flag);
    let levels: Vec<_> =
        Carrier::all().map(Carrier::name).map(|name| Some((name, read_levels(&section.table(name))?))).collect();
    Some(AudioPlan { correct: correct?, levels: levels.into_iter().collect::<Option<_>>()? })
}

fn read_levels(section: &Section<'_>) -> Option<Levels> {
    let gain = |key| section.read(key, number(-MOST_GAIN_DB..=MOST_GAIN_DB)).and_then(Gain::decibels);
    let (from_caller, to_caller) = (gain("gain_in_db"), gain("gain_out_db"));
    Some(Levels { from_caller: from_caller?, to_caller: to_caller? })
}
