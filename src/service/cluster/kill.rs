//! The kill switch that all nodes share. Pure.

/// The kill switch, as this node knows it.
#[derive(Debug)]
pub(super) struct KillSwitch {
    /// Whether the settings have it on.
    pub(super) configured: bool,
    /// What Redis said last.
    pub(super) seen: Option<bool>,
    /// What Redis has to be told.
    pub(super) due: Option<bool>,
}

impl KillSwitch {
    /// Redis says this. Returns the new state if this node has to change.
    pub(super) fn read(&mut self, said: Option<bool>) -> Option<bool> {
        let before = std::mem::replace(&mut self.seen, said);
        // An order that was given here since is on its way.
        if self.due.is_some() {
            return None;
        }
        // Settings that have it on are stronger than a switch that somebody has put off earlier.
        said.filter(|on| before != Some(*on) && (*on || before.is_some() || !self.configured))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kill_switch_of_the_cluster_is_followed_and_one_of_the_settings_stays() {
        let switch = |configured| KillSwitch { configured, seen: None, due: None };
        let mut plain = switch(false);
        let said = [None, Some(true), Some(true), Some(false), Some(false), None, Some(false)];
        let changed = said.map(|said| plain.read(said));
        assert_eq!(changed, [None, Some(true), None, Some(false), None, None, Some(false)]);
        plain.due = Some(false);
        assert_eq!(plain.read(Some(true)), None, "it was put off here since");
        plain.due = None;
        assert_eq!(plain.read(Some(false)), Some(false));
        let mut configured = switch(true);
        assert_eq!(
            [Some(false), Some(true), Some(false)].map(|it| configured.read(it)),
            [None, Some(true), Some(false)]
        );
    }
}
