use super::sample::{common, ears, plan, plan_of, voice};
use super::*;
use crate::realtime::cascade::mind::ChatPlan;
use crate::realtime::cascade::voice::{VoiceKind, VoicePlan};
use crate::realtime::conversation::ProviderPlan;

fn broken(change: impl FnOnce(&mut CascadePlan)) -> String {
    let mut plan = plan();
    change(&mut plan);
    check(&common(), &plan).expect_err("a rule is broken").field
}

#[test]
fn the_lines_own_audio_goes_through_where_all_engines_take_it() {
    let own = plan().fitted();
    assert_eq!(
        (check(&common(), &own), own.input(), own.output()),
        (Ok(()), AudioFormat::MULAW_8K, AudioFormat::MULAW_8K)
    );
    assert_eq!(own, plan());
    let can = capabilities(&own);
    assert!(can.server_answers() && !can.server_interrupts() && !can.decides_alone());
    assert!(!own.conversation(&Common::new("Be brief.")).is_busy());
}

#[test]
fn engines_of_a_list_have_one_format() {
    let mut mixed = plan();
    mixed.ears.push(EarsEngine::Uploads { plan: ears("en") });
    mixed.voice.push(VoiceEngine::Requests { plan: voice("en"), response_format: "pcm".into() });
    assert_eq!(check(&common(), &mixed).expect_err("mixed").field, "cascade.stt");
    let fitted = mixed.fitted();
    assert_eq!(check(&common(), &fitted), Ok(()));
    assert_eq!((capabilities(&fitted).input, capabilities(&fitted).output), (UPLOADED, AudioFormat::PCM_24K));
}

#[test]
fn the_engines_of_all_languages_have_one_format() {
    let mut plan = plan();
    let speaks = VoiceEngine::Requests { plan: voice("hi"), response_format: "pcm".into() };
    let hindi = plan_of("hi", EarsEngine::Uploads { plan: ears("hi") }, speaks);
    plan.others.insert("hi".to_owned(), Arc::new(hindi));
    assert_eq!(check(&common(), &plan).expect_err("mixed").field, "cascade.stt");
    let fitted = plan.fitted();
    assert_eq!(check(&common(), &fitted), Ok(()));
    assert_eq!((fitted.input(), fitted.output()), (UPLOADED, AudioFormat::PCM_24K));
    assert_eq!(fitted.speaking(Some("hi")).map(|other| &*other.language), Some("hi"));
    assert_eq!(fitted.speaking(Some("mr")), None);
    let renamed = fitted.with_model("large");
    assert_eq!(renamed.speaking(Some("hi")).map(|other| &*other.mind[0].plan.model), Some("large"));
    assert_eq!((&*renamed.address.model, &*renamed.mind[0].plan.model), ("large", "large"));
}

#[test]
fn a_broken_rule_names_its_field() {
    assert_eq!(broken(|plan| plan.ears.clear()), "cascade.stt");
    assert_eq!(broken(|plan| plan.mind.clear()), "cascade.llm");
    assert_eq!(broken(|plan| plan.voice.clear()), "cascade.tts");
    assert_eq!(broken(|plan| plan.mind[0].plan.model.clear()), "cascade.llm.model");
    assert_eq!(broken(|plan| plan.mind[0].plan.temperature = Some(f64::NAN)), "cascade.llm.temperature");
    assert_eq!(broken(|plan| plan.mind[0].plan.most_tokens = Some(0)), "cascade.llm.max_tokens");
    assert_eq!(broken(|plan| plan.turns.long = Duration::ZERO), "cascade.turns");
    let nobody = VoicePlan { voice: String::new(), ..voice("en") };
    let nobody = VoiceEngine::Socket { kind: VoiceKind::Aura, plan: nobody };
    assert_eq!(broken(|plan| plan.voice = vec![nobody]), "cascade.tts.voice");
}

#[test]
fn the_engine_that_stands_best_comes_first_with_its_key_and_its_address() {
    let mut own = plan();
    let (first, second) = ("small", "large");
    let address = |model: &str| ModelAddress { model: model.to_owned(), ..own.address.clone() };
    let second_engine =
        MindEngine { plan: ChatPlan { model: second.into(), ..own.mind[0].plan.clone() }, ..own.mind[0].clone() };
    own.addresses = EngineAddresses {
        ears: vec![address("ears")],
        mind: vec![address(first), address(second)],
        voice: vec![address("voice")],
    };
    own.mind.push(second_engine);
    own.keys.mind = vec![None, Some(Private::new("key".to_owned()))];
    let (good, doubtful, blocked) = (Standing::Good, Standing::Doubtful, Standing::Blocked);
    assert_eq!(own.preferring(&[]), None);
    assert_eq!(own.preferring(&[blocked, doubtful, doubtful]), None, "none is better than another");
    let plan = own.preferring(&[good, doubtful, good, good]).expect("another order");
    let models: Vec<&str> = plan.mind.iter().map(|engine| engine.plan.model.as_str()).collect();
    assert_eq!(models, [second, first]);
    assert_eq!((plan.keys.mind[1].as_ref(), plan.addresses.mind[0].model.as_str()), (None, second));
    assert_eq!((plan.address.model.as_str(), plan.address.provider), (second, "cascade"), "it names the session");
    let named = CascadePlan { address: address("rehearsal"), ..own };
    assert_eq!(named.preferring(&[good, blocked]).expect("another order").address.model, "rehearsal");
}

#[test]
fn a_plan_stands_as_the_worst_part_of_it_whose_best_engine_counts() {
    let mut own = plan();
    let address = own.address.clone();
    own.addresses = EngineAddresses {
        ears: vec![address.clone(), address.clone()],
        mind: vec![address.clone()],
        voice: vec![address],
    };
    let plan = ProviderPlan::Cascade(Arc::new(own));
    let (good, doubtful, blocked) = (Standing::Good, Standing::Doubtful, Standing::Blocked);
    assert_eq!(plan.addresses().len(), 4);
    for (standings, expected) in [
        (&[][..], good),
        (&[blocked, good, good, good], good),
        (&[blocked, doubtful, good, good], doubtful),
        (&[blocked, blocked, good, good], blocked),
        (&[good, good, good, blocked], blocked),
    ] {
        assert_eq!(plan.standing(standings), expected, "{standings:?}");
    }
}
