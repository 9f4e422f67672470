//! Opening hours, as lines like `mon-fri 09:00-18:00 +05:30`. Pure.

use std::fmt;

use chrono::{DateTime, Datelike, FixedOffset, NaiveTime, Utc, Weekday};

/// When a destination can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours(Vec<Span>);

/// One line of opening hours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    /// Monday first.
    days: [bool; 7],
    from: NaiveTime,
    /// Exclusive. A time at or before `from` is on the next day.
    until: NaiveTime,
    offset: FixedOffset,
}

impl Hours {
    /// Reads lines like `mon-fri 09:00-18:00 +05:30`: days, times, offset from UTC.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn parse<'t>(lines: impl IntoIterator<Item = &'t str>) -> Result<Self, &'t str> {
        lines.into_iter().map(|line| Span::parse(&line.to_lowercase()).ok_or(line)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether it is open at `moment`.
    pub fn open_at(&self, moment: DateTime<Utc>) -> bool {
        self.0.iter().any(|span| span.contains(moment))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, span) in self.0.iter().enumerate() {
            write!(f, "{}{span}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<&str> = DAYS.iter().zip(self.days).filter_map(|(day, open)| open.then_some(*day)).collect();
        let days = if days.len() == DAYS.len() { "daily".to_owned() } else { days.join(",") };
        write!(f, "{days} {}-{} {}", self.from.format("%H:%M"), self.until.format("%H:%M"), self.offset)
    }
}

impl Span {
    fn contains(&self, moment: DateTime<Utc>) -> bool {
        let local = moment.with_timezone(&self.offset);
        let (today, time) = (local.weekday(), local.time());
        let open_on = |day: Weekday| self.days[day.num_days_from_monday() as usize];
        if self.from < self.until {
            open_on(today) && self.from <= time && time < self.until
        } else {
            (open_on(today) && self.from <= time) || (open_on(today.pred()) && time < self.until)
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let [days, times, offset] = text.split_whitespace().collect::<Vec<_>>().try_into().ok()?;
        let (from, until) = times.split_once('-')?;
        let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
        let until = if until == "24:00" { "00:00" } else { until };
        Some(Self { days: parse_days(days)?, from: time(from)?, until: time(until)?, offset: offset.parse().ok()? })
    }
}

/// Parses `mon-fri`, `sat`, `mon,wed,fri` or `daily`.
fn parse_days(text: &str) -> Option<[bool; 7]> {
    if text == "daily" {
        return Some([true; 7]);
    }
    let day = |name: &str| DAYS.iter().position(|day| *day == name);
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let mut at = first;
        days[at] = true;
        while at != last {
            at = (at + 1) % 7;
            days[at] = true;
        }
    }
    Some(days)
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

#[cfg(test)]
mod tests;
