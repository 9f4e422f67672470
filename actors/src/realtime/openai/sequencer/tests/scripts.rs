//! A simulation in virtual time: a server with or without faults, and a call with random requests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;

/// An xorshift generator. It is random enough for a script, and a seed replays the script.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }
}

enum ToServer {
    Create { ticket: u64, request: u64 },
    Cancel(Option<ResponseId>),
    Output(ToolCallId),
}

struct World {
    chance: Chance,
    seed: u64,
    now: Instant,
    end: Instant,
    sequencer: Sequencer,
    to_server: VecDeque<(Instant, ToServer)>,
    to_client: VecDeque<(Instant, SequencerEvent)>,
    /// The server's one active response, the request that it answers, and the time of its end.
    active: Option<(ResponseId, Option<u64>, Instant)>,
    responses: u64,
    calls: u64,
    echoes: bool,
    /// The server makes faults until this time. After it the server is correct, and every request
    /// must reach its end.
    faults_until: Instant,
    /// The client's knowledge: the responses that began and did not end, as reported, and the last
    /// sign of life of any.
    known_active: BTreeSet<ResponseId>,
    last_sign: Instant,
    requests: BTreeSet<u64>,
    spoken: BTreeSet<u64>,
    gave_up: BTreeSet<u64>,
    excused: BTreeSet<u64>,
    requested: BTreeMap<u64, u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let now = start();
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let echoes = !chance.one_in(5);
        Self {
            chance,
            seed,
            now,
            end: now + Duration::from_secs(60),
            sequencer: Sequencer::default(),
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            active: None,
            responses: 0,
            calls: 0,
            echoes,
            faults_until: now + Duration::from_secs(15),
            known_active: BTreeSet::new(),
            last_sign: now,
            requests: BTreeSet::new(),
            spoken: BTreeSet::new(),
            gave_up: BTreeSet::new(),
            excused: BTreeSet::new(),
            requested: BTreeMap::new(),
        }
    }

    fn faulty(&mut self, odds: u64) -> bool {
        // A lost message can be told from a server without metadata only once the server has named
        // one of our responses.
        self.now < self.faults_until && self.sequencer.echoes && self.chance.one_in(odds)
    }

    fn latency(&mut self) -> Duration {
        Duration::from_millis(5 + self.chance.below(200))
    }

    fn tell(&mut self, event: SequencerEvent) {
        let arrives = (self.now + self.latency()).max(self.to_client.back().map_or(self.now, |(at, _)| *at));
        self.to_client.push_back((arrives, event));
    }

    fn send(&mut self, message: ToServer) {
        let arrives = (self.now + self.latency()).max(self.to_server.back().map_or(self.now, |(at, _)| *at));
        self.to_server.push_back((arrives, message));
    }

    fn begin(&mut self, request: Option<u64>) {
        self.responses += 1;
        let id = ResponseId::new(&format!("r{}", self.responses));
        let until = self.now + Duration::from_millis(100 + self.chance.below(3_000));
        self.active = Some((id.clone(), request, until));
        let request = request.filter(|_| self.echoes);
        self.tell(SequencerEvent::Created { response: id.clone(), request });
        for _ in 0..self.chance.below(8).saturating_sub(5) {
            self.calls += 1;
            let call = ToolCallId::new(&format!("c{}", self.calls));
            self.tell(SequencerEvent::ToolCalled { response: id.clone(), call });
        }
    }

    fn finish(&mut self, cancelled: bool) {
        let Some((response, request, _)) = self.active.take() else { return };
        if self.faulty(12) {
            return;
        }
        let failed = !cancelled && self.now < self.faults_until && self.chance.one_in(6);
        let remedy = match self.chance.below(3) {
            0 => Remedy::Wait(Some(Duration::from_millis(self.chance.below(8_000)))),
            1 => Remedy::TryOnce,
            _ => Remedy::GiveUp,
        };
        let failure = failed.then(|| Failure { code: "failed".to_owned(), remedy });
        self.tell(SequencerEvent::Done { response, request: request.filter(|_| self.echoes), failure });
    }

    fn serve(&mut self, message: ToServer) {
        match message {
            ToServer::Create { ticket, request } => {
                if self.faulty(10) {
                    return;
                }
                if self.active.is_some() {
                    let refusal = Refusal::AlreadyActive;
                    self.tell(SequencerEvent::CreateRefused { ticket: Some(ticket), refusal });
                    return;
                }
                self.spoken.insert(request);
                self.begin(Some(request));
            }
            ToServer::Cancel(id) => {
                if self.faulty(10) {
                    return;
                }
                match &self.active {
                    Some((active, ..)) if id.is_none_or(|id| id == *active) => self.finish(true),
                    _ => self.tell(SequencerEvent::CancelRefused),
                }
            }
            ToServer::Output(call) => self.tell(SequencerEvent::OutputPlaced(call)),
        }
    }

    fn hear(&mut self, event: SequencerEvent) {
        match &event {
            SequencerEvent::Created { response, .. } => {
                // One response runs at a time, so a new one means that the others are over.
                self.known_active.clear();
                self.known_active.insert(response.clone());
                self.last_sign = self.now;
            }
            SequencerEvent::Done { response, .. } => {
                self.known_active.remove(response);
            }
            SequencerEvent::CancelRefused => self.known_active.clear(),
            SequencerEvent::ToolCalled { call, .. } => {
                let call = call.clone();
                self.step(event);
                if !self.chance.one_in(6) {
                    let speak = !self.chance.one_in(4);
                    self.step(SequencerEvent::ToolAnswered { call: call.clone(), speak });
                    self.send(ToServer::Output(call));
                }
                return;
            }
            _ => {}
        }
        self.step(event);
    }

    fn step(&mut self, event: SequencerEvent) {
        let (requests, now) = (self.sequencer.requests.last_number(), self.now);
        let ordered = matches!(event, SequencerEvent::CancelOrdered);
        // A cancellation also affects a request that is on its way.
        if ordered {
            match &self.sequencer.state {
                State::CreateRequested { create, .. } => self.excused.insert(create.request.number),
                State::Active(Running { request: Some(request), assumed: Some(_), .. }) => {
                    self.excused.insert(request.number)
                }
                _ => false,
            };
        }
        // Obsolete answers are not lost, and neither are results that the server's own answer
        // includes.
        let coverable: Vec<u64> = self.coverable();
        let answers = self.answers();
        let actions = self.sequencer.handle(event, now);
        let left: BTreeSet<u64> = self.numbers();
        self.excused.extend(coverable.into_iter().filter(|number| !left.contains(number)));
        // An answer is not lost either if another answer waits in its place.
        if self.sequencer.requests.iter().any(|request| request.purpose == Some(Answer)) {
            self.excused.extend(answers.into_iter().filter(|number| !left.contains(number)));
        }
        self.requests.extend(requests + 1..=self.sequencer.requests.last_number());
        for action in actions {
            self.perform(action);
        }
        self.check();
    }

    fn answers(&self) -> Vec<u64> {
        let asked = match &self.sequencer.state {
            State::CreateRequested { create, .. } => Some(&create.request),
            State::Active(Running { request, .. }) => request.as_ref(),
            _ => None,
        };
        let doubtful = self.sequencer.doubtful.iter().map(|(_, request)| request);
        let all = self.sequencer.requests.iter().chain(asked).chain(doubtful);
        all.filter(|request| request.purpose == Some(Answer)).map(|request| request.number).collect()
    }

    fn coverable(&self) -> Vec<u64> {
        let create = match &self.sequencer.state {
            State::CreateRequested { create, .. } => Some(&create.request),
            _ => None,
        };
        self.sequencer
            .requests
            .iter()
            .chain(create)
            .filter(|request| request.is_covered())
            .map(|request| request.number)
            .collect()
    }

    fn numbers(&self) -> BTreeSet<u64> {
        let create = match &self.sequencer.state {
            State::CreateRequested { create, .. } => Some(&create.request),
            _ => None,
        };
        self.sequencer.requests.iter().chain(create).map(|request| request.number).collect()
    }

    fn perform(&mut self, action: SequencerAction) {
        let seed = self.seed;
        match action {
            SequencerAction::Create { ticket, request, .. } => {
                let known_free = self.known_active.is_empty();
                let stalled = self.now >= self.last_sign + PATIENCE;
                assert!(known_free || stalled, "seed {seed}: asked while {:?} runs", self.known_active);
                assert!(self.requested.insert(ticket, request).is_none(), "seed {seed}: a ticket used twice");
                self.send(ToServer::Create { ticket, request });
            }
            SequencerAction::Cancel { response, .. } => self.send(ToServer::Cancel(response)),
            SequencerAction::Unspoken(Unspoken::GivenUp { request, .. } | Unspoken::Muted { request, .. }) => {
                assert!(self.gave_up.insert(request), "seed {seed}: request {request} given up twice");
            }
            SequencerAction::Recovered(timer) => {
                if timer == Timer::CancelUnanswered {
                    self.known_active.clear();
                }
            }
        }
    }

    fn check(&self) {
        let seed = self.seed;
        let waiting =
            !self.sequencer.requests.is_empty() || !matches!(self.sequencer.state, State::Free | State::Active(_));
        match self.sequencer.deadline() {
            Some((at, timer)) => {
                let most = if timer == Timer::RetryDue { LONGEST_WAIT } else { Duration::from_secs(3) };
                let backing_off = timer == Timer::ResponseStalled && at <= self.now + LONGEST_WAIT;
                assert!(
                    at <= self.now + most || backing_off,
                    "seed {seed}: stuck for {:?} in {timer:?}",
                    at - self.now
                );
            }
            None => assert!(!waiting, "seed {seed}: waits without a deadline in {:?}", self.sequencer.state),
        }
    }

    /// Advances time to the next event of the simulation.
    fn advance(&mut self) {
        let next = [
            self.to_server.front().map(|(at, _)| *at),
            self.to_client.front().map(|(at, _)| *at),
            self.active.as_ref().map(|(_, _, until)| *until),
            self.sequencer.deadline().map(|(at, _)| at),
        ];
        let at = next.into_iter().flatten().min().unwrap_or(self.end).max(self.now);
        // Between events, the call acts about every half second, until the faults end.
        let idea = self.now + Duration::from_millis(self.chance.below(500));
        if idea < at && idea < self.faults_until {
            self.now = idea;
            return self.have_an_idea();
        }
        self.now = at;
        if self.to_server.front().is_some_and(|(due, _)| *due <= at) {
            if let Some((_, message)) = self.to_server.pop_front() {
                self.serve(message);
            }
        } else if self.to_client.front().is_some_and(|(due, _)| *due <= at) {
            if let Some((_, event)) = self.to_client.pop_front() {
                self.hear(event);
            }
        } else if self.active.as_ref().is_some_and(|(_, _, until)| *until <= at) {
            self.finish(false);
        } else {
            let before = self.sequencer.deadline();
            self.step(SequencerEvent::DeadlinePassed);
            if self.sequencer.deadline().is_some() {
                assert_ne!(self.sequencer.deadline(), before, "seed {}: a deadline that does not pass", self.seed);
            }
        }
    }

    fn have_an_idea(&mut self) {
        match self.chance.below(10) {
            0..=3 => {
                let purpose = ResponsePurpose::ALL[self.chance.below(7) as usize];
                self.step(SequencerEvent::Requested(ResponseRequest { purpose, instructions: None }));
            }
            4 => self.step(SequencerEvent::CancelOrdered),
            5 | 6 => {
                // The caller speaks: the server stops the running response and answers on its own.
                self.tell(SequencerEvent::CallerSpoke);
                self.finish(true);
                self.begin(None);
            }
            _ => {
                if let Some((id, ..)) = &self.active {
                    self.sequencer.stirred(id.as_str(), self.now);
                    self.last_sign = self.now;
                }
            }
        }
    }

    fn run(mut self) {
        while self.now < self.end {
            self.advance();
        }
        // If the end of the last response was lost, only a waiting request reveals that.
        self.step(SequencerEvent::Requested(ResponseRequest { purpose: Keypad, instructions: None }));
        self.end += Duration::from_secs(30);
        while self.now < self.end {
            self.advance();
        }
        let seed = self.seed;
        assert!(self.sequencer.requests.is_empty(), "seed {seed}: requests wait for ever");
        assert!(matches!(self.sequencer.state, State::Free), "seed {seed}: ends in {:?}", self.sequencer.state);
        let mut lost = self.requests.clone();
        for accounted in [&self.spoken, &self.gave_up, &self.excused] {
            lost.retain(|request| !accounted.contains(request));
        }
        assert!(lost.is_empty(), "seed {seed}: requests {lost:?} were lost");
    }
}

#[test]
fn in_any_order_of_events_one_response_runs_and_no_request_is_lost_or_stuck() {
    for seed in 0..3_000 {
        World::new(seed).run();
    }
}
