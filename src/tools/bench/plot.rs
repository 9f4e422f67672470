//! Plots latency over the number of calls as an SVG.

use std::fmt::Write as _;

use super::sheet::{CapacitySheet, Step};

/// Plots p50 and p99 of both directions over the number of calls, with latency on a logarithmic
/// scale.
pub(super) fn latency_over_calls(sheet: &CapacitySheet) -> String {
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/><text x="{LEFT}" y="18" font-size="14">Added latency over concurrent calls ({}, one core)</text>
"#,
        sheet.audio_format
    );
    let most = sheet.steps.iter().map(|s| s.calls).max().unwrap_or(1) as f64;
    let x = |calls: usize| LEFT + (WIDTH - LEFT - 20.0) * calls as f64 / most;
    let y = |ms: f64| {
        let share = (ms.max(LEAST_MS) / LEAST_MS).log10() / (MOST_MS / LEAST_MS).log10();
        HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 34.0) * share.min(1.0)
    };
    for ms in [0.01, 0.1, 1.0, 10.0, 100.0] {
        let at = y(ms);
        let _ = writeln!(
            svg,
            r##"<path d="M{LEFT} {at}H{}" stroke="#ddd"/><text x="4" y="{}">{ms} ms</text>"##,
            WIDTH - 20.0,
            at + 4.0
        );
    }
    for step in &sheet.steps {
        let at = x(step.calls);
        let _ = writeln!(
            svg,
            r#"<text x="{at}" y="{}" text-anchor="middle">{}</text>"#,
            HEIGHT - BOTTOM + 16.0,
            step.calls
        );
    }
    let objective = y(f64::from(sheet.p99_objective_ms));
    let _ = writeln!(svg, r##"<path d="M{LEFT} {objective}H{}" stroke="#c00" stroke-dasharray="6 4"/>"##, WIDTH - 20.0);
    let lines: [(&str, &str, Value); 4] = [
        ("caller to model p99", "#1f77b4", |s| s.up.p99),
        ("model to caller p99", "#ff7f0e", |s| s.down.p99),
        ("caller to model p50", "#9ecae1", |s| s.up.p50),
        ("model to caller p50", "#fdd0a2", |s| s.down.p50),
    ];
    for (n, (name, colour, value)) in lines.into_iter().enumerate() {
        let points: Vec<String> = sheet.steps.iter().map(|s| format!("{:.1},{:.1}", x(s.calls), y(value(s)))).collect();
        let _ = writeln!(
            svg,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            points.join(" ")
        );
        let at = LEFT + 10.0 + 170.0 * n as f64;
        let _ = writeln!(svg, r#"<text x="{at}" y="{}" fill="{colour}">{name}</text>"#, HEIGHT - 8.0);
    }
    svg.push_str("</svg>\n");
    svg
}

/// The figure of a step that a line shows.
type Value = fn(&Step) -> f64;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 48.0;
const LEAST_MS: f64 = 0.01;
const MOST_MS: f64 = 200.0;
