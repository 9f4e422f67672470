//! Which engines serve: what they cost by their own prices, and what other calls should know of them.
//! Pure.

use std::time::Duration;

use super::SessionAction;
use crate::realtime::breaker::{Lesson, Scope};
use crate::realtime::cascade::failure::{Class, Failure, Part, loss_of};
use crate::realtime::cascade::plan::CascadePlan;
use crate::realtime::plan::ModelAddress;
use crate::realtime::report::{ModelReport, Usage};

/// The engines that serve a session.
#[derive(Debug, Default)]
pub(super) struct Serving {
    ears: Engine,
    mind: Engine,
    voice: Engine,
}

/// The engine of a part.
#[derive(Debug, Clone, Copy, Default)]
struct Engine {
    /// Its place in the list.
    place: usize,
    /// Whether it has done its work in this session.
    worked: bool,
}

impl Serving {
    /// An engine has done its work. Reported once.
    pub(super) fn worked(&mut self, part: Part, plan: &CascadePlan, out: &mut Vec<SessionAction>) {
        let engine = self.of(part);
        if !std::mem::replace(&mut engine.worked, true) {
            learned(part, engine.place, plan, Lesson::CameUp, out);
        }
    }

    /// Another engine takes over from the one that failed.
    pub(super) fn took_over(
        &mut self,
        place: usize,
        failure: &Failure,
        plan: &CascadePlan,
        out: &mut Vec<SessionAction>,
    ) {
        let before = std::mem::replace(self.of(failure.part), Engine { place, worked: false });
        learned(failure.part, before.place, plan, lesson_of(failure), out);
        if failure.part == Part::Mind
            && let Some(ModelAddress { model, .. }) = plan.addresses.mind.get(place)
        {
            let (provider, model) = (plan.address.provider, model.clone());
            out.push(SessionAction::Report(ModelReport::Serves { provider, model }));
        }
    }

    /// No engine of a part is left.
    pub(super) fn lost(&mut self, failure: &Failure, plan: &CascadePlan, out: &mut Vec<SessionAction>) {
        learned(failure.part, self.of(failure.part).place, plan, lesson_of(failure), out);
    }

    /// The ears and the voice were given this, which is charged for.
    pub(super) fn used(&self, heard: Duration, characters: u64, plan: &CascadePlan, out: &mut Vec<SessionAction>) {
        let stt_ms = u64::try_from(heard.as_millis()).unwrap_or(u64::MAX);
        let parts = [
            (Part::Ears, self.ears, Usage { stt_ms, ..Usage::default() }),
            (Part::Voice, self.voice, Usage { tts_characters: characters, ..Usage::default() }),
        ];
        for (part, Engine { place, .. }, usage) in parts.into_iter().filter(|(.., usage)| *usage != Usage::default()) {
            let address = plan.addresses.of(part).get(place);
            let model = address.map(|address| address.model.clone()).unwrap_or_default();
            out.push(SessionAction::Report(ModelReport::Worked { model, usage }));
        }
    }

    fn of(&mut self, part: Part) -> &mut Engine {
        match part {
            Part::Ears => &mut self.ears,
            Part::Mind => &mut self.mind,
            Part::Voice => &mut self.voice,
        }
    }
}

fn lesson_of(failure: &Failure) -> Lesson {
    let scope = match failure.class {
        Class::Fatal(scope) => scope,
        Class::Retry { .. } | Class::Next => Scope::Session,
    };
    Lesson::Replaced { loss: loss_of(failure), scope }
}

fn learned(part: Part, place: usize, plan: &CascadePlan, lesson: Lesson, out: &mut Vec<SessionAction>) {
    if let Some(address) = plan.addresses.of(part).get(place) {
        out.push(SessionAction::Learned { address: address.clone(), lesson });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::cascade::plan::{EngineAddresses, sample};
    use crate::realtime::report::LossClass;

    fn address(model: &str) -> ModelAddress {
        ModelAddress { model: model.to_owned(), ..sample::plan().address }
    }

    fn plan() -> CascadePlan {
        let list = |part: &str| vec![address(&format!("{part} one")), address(&format!("{part} two"))];
        let addresses = EngineAddresses { ears: list("ears"), mind: list("mind"), voice: list("voice") };
        CascadePlan { addresses, ..sample::plan() }
    }

    fn shown(out: &[SessionAction]) -> Vec<String> {
        let show = |action: &SessionAction| {
            if let SessionAction::Learned { address, lesson } = action {
                format!("{} {}", address.model, lesson.word())
            } else if let SessionAction::Report(ModelReport::Worked { model, usage }) = action {
                format!("{model} {} ms {} characters", usage.stt_ms, usage.tts_characters)
            } else if let SessionAction::Report(ModelReport::Serves { model, .. }) = action {
                format!("{model} serves")
            } else {
                format!("{action:?}")
            }
        };
        out.iter().map(show).collect()
    }

    #[test]
    fn each_engine_is_charged_by_its_own_name_and_for_its_own_part() {
        let (mut serving, plan, mut out) = (Serving::default(), plan(), Vec::new());
        serving.used(Duration::from_millis(1_500), 20, &plan, &mut out);
        let failure = Failure::of_network(Part::Voice, "gone");
        serving.took_over(1, &failure, &plan, &mut out);
        serving.used(Duration::ZERO, 7, &plan, &mut out);
        assert_eq!(
            shown(&out),
            [
                "ears one 1500 ms 0 characters",
                "voice one 0 ms 20 characters",
                "voice one failed",
                "voice two 0 ms 7 characters",
            ]
        );
        out.clear();
        serving.used(Duration::ZERO, 0, &plan, &mut out);
        assert_eq!(shown(&out), Vec::<String>::new(), "nothing was used");
    }

    #[test]
    fn other_calls_learn_of_an_engine_that_works_and_of_one_that_was_replaced() {
        let (mut serving, plan, mut out) = (Serving::default(), plan(), Vec::new());
        for _ in 0..3 {
            serving.worked(Part::Mind, &plan, &mut out);
        }
        serving.took_over(1, &Failure::of_words(Part::Mind, "insufficient_quota", ""), &plan, &mut out);
        serving.worked(Part::Mind, &plan, &mut out);
        serving.lost(&Failure::of_protocol(Part::Mind, "no JSON"), &plan, &mut out);
        let expected = ["mind one worked", "mind one refused", "mind two serves", "mind two worked", "mind two failed"];
        assert_eq!(shown(&out), expected);
        let Some(SessionAction::Learned { lesson: Lesson::Replaced { loss, scope }, .. }) = out.get(1) else {
            panic!("a lesson: {out:?}")
        };
        assert_eq!((loss.class, *scope), (LossClass::Fatal, Scope::Key), "the key is spared by other calls");
    }
}
