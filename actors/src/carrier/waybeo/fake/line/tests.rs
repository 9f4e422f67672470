use super::*;
use crate::carrier::fake::testing::sent;

fn faulty(faults: &[Fault]) -> WaybeoLine {
    WaybeoLine {
        ucid: "U1".into(),
        from: "+919800000000".into(),
        to: "+911140000000".into(),
        faults: faults.to_vec(),
        begun: false,
    }
}

fn start(line: &mut WaybeoLine) -> Vec<Value> {
    sent(line, |line, out| line.start(&BTreeMap::new(), out))
}

fn media(line: &mut WaybeoLine, samples: &[i16]) -> Vec<Value> {
    sent(line, |line, out| line.media(samples, Duration::ZERO, out))
}

#[test]
fn the_stream_looks_as_its_deployments_have_it() {
    let mut line = faulty(&[]);
    let expected =
        json!({"event": "start", "type": "text", "ucid": "U1", "did": "+919800000000", "vmn": "+911140000000"});
    assert_eq!(start(&mut line), [expected]);
    let packets = media(&mut line, &[-3; 160]);
    assert_eq!(packets.len(), 2);
    let data = &packets[0]["data"];
    assert_eq!(
        (&data["numberOfFrames"], &data["sampleRate"], &data["samples"][79]),
        (&json!(80), &json!(8000), &json!(-3))
    );
    assert_eq!(sent(&mut line, |line, out| line.stop(out))[0]["event"], "stop");
}

#[test]
fn each_fault_shows() {
    assert!(sent(&mut faulty(&[Fault::NoStop]), |line, out| line.stop(out)).is_empty());
    assert!(faulty(&[]).closes() && !faulty(&[Fault::NoClose]).closes());
    assert_eq!(start(&mut faulty(&[Fault::DuplicateStart])).len(), 2);
    assert_eq!(start(&mut faulty(&[Fault::OtherStart]))[1]["ucid"], "another-call");
    let mut first = faulty(&[Fault::FirstAt16k]);
    assert_eq!(media(&mut first, &[0; 160])[0]["data"]["sampleRate"], 16_000);
    assert_eq!(media(&mut first, &[0; 160]).len(), 2, "the first only");
    assert_eq!(media(&mut faulty(&[Fault::Unsigned]), &[-1; 160])[0]["data"]["samples"][0], 65_535);
    assert_eq!(start(&mut faulty(&[Fault::MediaFirst]))[0]["event"], "media");
}

#[test]
fn only_the_full_shape_is_taken() {
    let line = faulty(&[]);
    let read = |text: &str| faulty(&[]).read(Incoming::Text(text), &mut Outgoing::default());
    let good = line.packet(&[5; 160], 8_000).to_string();
    assert_eq!(read(&good), Ok(Said::Media(vec![5; 160])));
    assert_eq!(read(r#"{"command":"clearBuffer"}"#), Ok(Said::Clear));
    for bad in [
        "x".to_owned(),
        "[]".to_owned(),
        r#"{"command":"dance"}"#.to_owned(),
        r#"{"event":"media","data":{"samples":[1]}}"#.to_owned(),
        good.replace("U1", "U2"),
        good.replace("\"numberOfFrames\":160", "\"numberOfFrames\":80"),
        line.packet(&[5; 160], 16_000).to_string(),
        line.packet(&[5; 81], 8_000).to_string(),
        line.packet(&[], 8_000).to_string(),
        faulty(&[Fault::Unsigned]).packet(&[-5; 80], 8_000).to_string(),
    ] {
        assert!(read(&bad).is_err(), "{bad}");
    }
    assert!(faulty(&[]).read(Incoming::Binary(&[1]), &mut Outgoing::default()).is_err());
}
