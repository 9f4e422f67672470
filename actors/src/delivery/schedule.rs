//! Decides when each delivery is tried. Pure: time and randomness are arguments.
//!
//! A *job* is one notice for one endpoint. Each endpoint is a lane of its own. It has a limit of
//! concurrent tries and a [`Breaker`], pauses when the receiver asks for it (`Retry-After`), and is
//! shut for good after a 410. A failed job waits for a random part of `initial × 2ⁿ` (full jitter,
//! at most `max`), and never less than the receiver asked for. It is given up when the next try
//! would be later than `give_up_after` from the moment it was accepted.
//!
//! The actor writes the state of a job to disk after each action, so a restart continues from
//! there.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::breaker::{Breaker, BreakerPlan, Turn};

/// When failed deliveries are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPlan {
    /// The bound of the first pause. Each following pause is twice as long.
    pub initial: Duration,
    /// The longest pause.
    pub max: Duration,
    /// How long a delivery is tried, from the moment it was accepted.
    pub give_up_after: Duration,
}

/// One notice for one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Job {
    /// The notice's id.
    pub notice: Arc<str>,
    /// The endpoint's index in the configuration.
    pub endpoint: usize,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A job was added.
    Queued {
        /// The job.
        job: Job,
        /// Tries so far, those before a restart included.
        attempts: u32,
        /// How long ago it was accepted.
        age: Duration,
        /// How long it still has to wait.
        wait: Duration,
    },
    /// A try has ended.
    Answered {
        /// The job.
        job: Job,
        /// Its result.
        answer: Answer,
        /// A random number from 0 up to 1.
        chance: f64,
    },
    /// The deadline has passed, or anything else may have changed.
    TimePassed,
    /// A notice is dropped: nothing more of it is sent or logged, whatever the result of a try
    /// under way.
    Forgotten {
        /// The notice's id.
        notice: Arc<str>,
    },
    /// An endpoint that was shut is open again.
    Reopened {
        /// Its index in the configuration.
        endpoint: usize,
    },
}

/// What the schedule waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// The next job of an endpoint is due.
    Attempt,
    /// The pause that a receiver asked for is over.
    RetryAfter,
    /// An endpoint's breaker lets one job through.
    Breaker,
}

/// The result of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The receiver accepted it: 2xx, with a complete answer.
    Accepted,
    /// The receiver answered with any other status.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The pause it asked for.
        retry_after: Option<Duration>,
    },
    /// There was no answer, or an incomplete one.
    Unreached,
    /// It could not be sent this time; the receiver is not at fault.
    Unsent,
    /// It can never be sent.
    Impossible,
    /// Its call was erased: nothing is sent, and the job is dropped.
    Erased,
    /// The shared queue has lost it. Its own node adds it again.
    Lost,
}

/// An action for the actor.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Try it now.
    Attempt {
        /// The job.
        job: Job,
        /// The number of the try, from 1.
        attempt: u32,
    },
    /// It is done.
    Completed {
        /// The job.
        job: Job,
        /// Tries it took.
        attempts: u32,
    },
    /// It is tried again after a pause.
    Delayed {
        /// The job.
        job: Job,
        /// Tries so far.
        attempts: u32,
        /// The pause.
        wait: Duration,
    },
    /// It has become a dead letter.
    GivenUp {
        /// The job.
        job: Job,
        /// Tries it took.
        attempts: u32,
        /// Why.
        why: Why,
    },
    /// The endpoint answered 410; nothing is sent there until an operator retries a dead letter.
    Shut {
        /// The endpoint.
        endpoint: usize,
    },
    /// The endpoint's breaker is open for a while.
    BreakerOpened {
        /// The endpoint.
        endpoint: usize,
        /// The pause.
        pause: Duration,
    },
    /// The endpoint's breaker is closed again.
    BreakerClosed {
        /// The endpoint.
        endpoint: usize,
    },
}

/// Why a job was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was tried for as long as the plan allows.
    TooOld,
    /// Its endpoint answered 410, now or earlier.
    Gone,
    /// It cannot be sent.
    Impossible,
}

/// All unfinished jobs.
#[derive(Debug)]
pub struct Schedule {
    retry: RetryPlan,
    lanes: Vec<Lane>,
    jobs: HashMap<Job, Progress>,
}

/// One endpoint.
#[derive(Debug)]
struct Lane {
    concurrency: usize,
    breaker: Breaker,
    waiting: BTreeSet<(Instant, Arc<str>)>,
    in_flight: usize,
    /// The receiver asked for a pause until then.
    not_before: Option<Instant>,
    /// The endpoint answered 410.
    shut: bool,
}

#[derive(Debug)]
struct Progress {
    attempts: u32,
    give_up_at: Instant,
    /// When it is due; `None` while it is being tried.
    due: Option<Instant>,
    /// The result of the try under way is ignored.
    forgotten: bool,
}

impl Schedule {
    /// An empty schedule. `lanes` gives each endpoint's limit of concurrent tries, and whether it
    /// is shut.
    pub fn new(retry: RetryPlan, breaker: BreakerPlan, lanes: &[(usize, bool)]) -> Self {
        let lanes = lanes.iter().map(|&(concurrency, shut)| Lane {
            concurrency: concurrency.max(1),
            breaker: Breaker::new(breaker),
            waiting: BTreeSet::new(),
            in_flight: 0,
            not_before: None,
            shut,
        });
        Self { retry, lanes: lanes.collect(), jobs: HashMap::new() }
    }

    /// Takes an event and returns the actions that follow.
    pub fn handle(&mut self, event: Event, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Queued { job, attempts, age, wait } => {
                let left = self.retry.give_up_after.saturating_sub(age);
                self.queue(job, attempts, now + left, now + wait);
            }
            Event::Answered { job, answer, chance } => self.answered(job, &answer, chance, now, &mut actions),
            Event::TimePassed => {}
            Event::Forgotten { notice } => self.forget(&notice),
            Event::Reopened { endpoint } => {
                if let Some(lane) = self.lanes.get_mut(endpoint) {
                    lane.shut = false;
                }
            }
        }
        self.start_due(now, &mut actions);
        actions
    }

    /// The next deadline and its reason. `None` while only answers are waited for.
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        self.lanes.iter().filter_map(Lane::deadline).min_by_key(|(due, _)| *due)
    }

    /// The number of unfinished jobs.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether there is no unfinished job.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The number of jobs being tried now.
    pub fn in_flight(&self) -> usize {
        self.lanes.iter().map(|lane| lane.in_flight).sum()
    }

    fn queue(&mut self, job: Job, attempts: u32, give_up_at: Instant, due: Instant) {
        let Some(lane) = self.lanes.get_mut(job.endpoint) else { return };
        // A job that is queued twice is done once.
        if self.jobs.contains_key(&job) {
            return;
        }
        lane.waiting.insert((due, Arc::clone(&job.notice)));
        self.jobs.insert(job, Progress { attempts, give_up_at, due: Some(due), forgotten: false });
    }

    fn answered(&mut self, job: Job, answer: &Answer, chance: f64, now: Instant, actions: &mut Vec<Action>) {
        let (endpoint, retry) = (job.endpoint, self.retry);
        let Some(lane) = self.lanes.get_mut(endpoint) else { return };
        let Some(progress) = self.jobs.get_mut(&job) else { return };
        // A late answer for a job that is not being tried: it was given up when its lane was shut.
        if progress.due.is_some() {
            return;
        }
        lane.in_flight = lane.in_flight.saturating_sub(1);
        progress.attempts = progress.attempts.saturating_add(1);
        let attempts = progress.attempts;
        let turn = match health(answer) {
            Health::Good => lane.breaker.succeeded(),
            Health::Bad => lane.breaker.failed(now),
            Health::Unknown => {
                lane.breaker.unasked(now);
                Turn::None
            }
        };
        match turn {
            Turn::None => {}
            Turn::Opened(pause) => actions.push(Action::BreakerOpened { endpoint, pause }),
            Turn::Closed => actions.push(Action::BreakerClosed { endpoint }),
        }
        if progress.forgotten {
            self.jobs.remove(&job);
            return;
        }
        match answer {
            Answer::Erased | Answer::Lost => {
                self.jobs.remove(&job);
            }
            Answer::Accepted => {
                self.jobs.remove(&job);
                actions.push(Action::Completed { job, attempts });
            }
            Answer::Refused { status: 410, .. } => {
                lane.shut = true;
                actions.push(Action::Shut { endpoint });
                self.give_up(job, Why::Gone, actions);
            }
            Answer::Impossible => self.give_up(job, Why::Impossible, actions),
            Answer::Refused { .. } | Answer::Unreached | Answer::Unsent => {
                let asked = asked_pause(answer);
                if let Some(pause) = asked {
                    // A pause that a receiver asks for applies to all deliveries of the endpoint.
                    lane.not_before = lane.not_before.max(Some(now + pause));
                }
                let wait = backoff(&retry, attempts, chance).max(asked.unwrap_or_default());
                if now + wait > progress.give_up_at {
                    return self.give_up(job, Why::TooOld, actions);
                }
                progress.due = Some(now + wait);
                lane.waiting.insert((now + wait, Arc::clone(&job.notice)));
                actions.push(Action::Delayed { job, attempts, wait });
            }
        }
    }

    fn forget(&mut self, notice: &Arc<str>) {
        for (endpoint, lane) in self.lanes.iter_mut().enumerate() {
            let job = Job { notice: Arc::clone(notice), endpoint };
            match self.jobs.get_mut(&job).map(|progress| progress.due) {
                Some(Some(due)) => {
                    lane.waiting.remove(&(due, Arc::clone(notice)));
                    self.jobs.remove(&job);
                }
                Some(None) => {
                    if let Some(progress) = self.jobs.get_mut(&job) {
                        progress.forgotten = true;
                    }
                }
                None => {}
            }
        }
    }

    fn give_up(&mut self, job: Job, why: Why, actions: &mut Vec<Action>) {
        if let Some(progress) = self.jobs.remove(&job) {
            actions.push(Action::GivenUp { job, attempts: progress.attempts, why });
        }
    }

    fn start_due(&mut self, now: Instant, actions: &mut Vec<Action>) {
        for endpoint in 0..self.lanes.len() {
            if self.lanes[endpoint].shut {
                self.empty_shut(endpoint, actions);
            } else {
                self.start_lane(endpoint, now, actions);
            }
        }
    }

    fn start_lane(&mut self, endpoint: usize, now: Instant, actions: &mut Vec<Action>) {
        let lane = &mut self.lanes[endpoint];
        while lane.in_flight < lane.concurrency && lane.not_before.is_none_or(|at| at <= now) {
            let Some((due, _)) = lane.waiting.first() else { return };
            if *due > now || !lane.breaker.admit(now) {
                return;
            }
            let Some((_, notice)) = lane.waiting.pop_first() else { return };
            let job = Job { notice, endpoint };
            let Some(progress) = self.jobs.get_mut(&job) else { continue };
            progress.due = None;
            lane.in_flight += 1;
            actions.push(Action::Attempt { job, attempt: progress.attempts.saturating_add(1) });
        }
    }

    /// Gives up every job of an endpoint that is gone. They are dead letters until an operator
    /// retries them.
    fn empty_shut(&mut self, endpoint: usize, actions: &mut Vec<Action>) {
        for (_, notice) in std::mem::take(&mut self.lanes[endpoint].waiting) {
            self.give_up(Job { notice, endpoint }, Why::Gone, actions);
        }
    }
}

impl Lane {
    /// When the next job may be tried: the latest of all its constraints.
    fn deadline(&self) -> Option<(Instant, Timer)> {
        if self.shut || self.in_flight >= self.concurrency || self.breaker.is_trying() {
            return None;
        }
        let (due, _) = self.waiting.first()?;
        let holds = [
            Some((*due, Timer::Attempt)),
            self.not_before.map(|at| (at, Timer::RetryAfter)),
            self.breaker.opens_at().map(|at| (at, Timer::Breaker)),
        ];
        holds.into_iter().flatten().max_by_key(|(at, _)| *at)
    }
}

/// Whether the receiver works, judged by its answer; independent of the delivery's result.
enum Health {
    Good,
    Bad,
    Unknown,
}

fn health(answer: &Answer) -> Health {
    match answer {
        Answer::Unreached | Answer::Refused { status: 408 | 429 | 500..=599, .. } => Health::Bad,
        Answer::Accepted | Answer::Refused { .. } => Health::Good,
        Answer::Unsent | Answer::Impossible | Answer::Erased | Answer::Lost => Health::Unknown,
    }
}

fn asked_pause(answer: &Answer) -> Option<Duration> {
    match answer {
        Answer::Refused { retry_after, .. } => retry_after.map(|pause| pause.min(LONGEST_ASKED)),
        Answer::Accepted | Answer::Unreached | Answer::Unsent | Answer::Impossible | Answer::Erased | Answer::Lost => {
            None
        }
    }
}

/// Full jitter: a random part of the bound, so that deliveries that failed together do not retry
/// together.
fn backoff(retry: &RetryPlan, attempts: u32, chance: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(MOST_DOUBLINGS);
    let bound = retry.initial.saturating_mul(1 << doublings).min(retry.max);
    bound.mul_f64(chance.clamp(0.0, 1.0))
}

/// The longest pause a receiver may ask for; a longer one would let a delivery expire.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 3600);
/// With more doublings every pause is the longest one anyway.
const MOST_DOUBLINGS: u32 = 24;

#[cfg(test)]
mod tests;
