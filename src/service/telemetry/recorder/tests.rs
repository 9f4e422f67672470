use super::*;

#[test]
fn metrics_are_there_from_the_start_and_installed_once() {
    let metrics = install();
    counter!("switchboard_calls_refused_total", "reason" => "full").increment(2);
    histogram!("switchboard_barge_in_seconds").record(0.000_2);
    for rendered in [metrics.render(), install().render()] {
        for line in [
            "switchboard_calls_active 0",
            "switchboard_audio_frames_total{direction=\"in\"} 0",
            "switchboard_audio_frames_total{direction=\"out\"} 0",
            "switchboard_calls_refused_total{reason=\"full\"} 2",
            "switchboard_barge_in_seconds_bucket{le=\"0.0001\"} 0",
            "switchboard_barge_in_seconds_bucket{le=\"0.00025\"} 1",
            "# HELP switchboard_calls_active Calls with a live stream.",
        ] {
            assert!(rendered.lines().any(|rendered| rendered == line), "{line}\nis not in\n{rendered}");
        }
    }
}

#[test]
fn every_metric_has_its_help_its_type_and_its_known_series() {
    let rendered = install().render();
    for metric in METRICS {
        let count = |line: String| rendered.lines().filter(|rendered| *rendered == line).count();
        assert_eq!(count(format!("# HELP {} {}", metric.name, metric.help)), 1, "{}", metric.name);
        assert_eq!(count(format!("# TYPE {} {}", metric.name, metric.kind.word())), 1, "{}", metric.name);
        for series in metric.series() {
            let pairs: Vec<_> =
                metric.labels.iter().zip(series).map(|(label, value)| format!("{}=\"{value}\"", label.name)).collect();
            let part = if matches!(metric.kind, Kind::Histogram(_)) { "_count" } else { "" };
            let labels = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
            let begun = format!("{}{part}{labels} ", metric.name);
            let there = rendered.lines().any(|line| line.starts_with(&begun)) || metric.kind == Kind::Measurement;
            assert!(there, "{begun}is not there from the start");
        }
    }
}
