//! The cluster's actor: the heartbeat, and the exchange of spending, places and permits.
//!
//! It runs on the Supervisor's thread. Nothing on a call waits for it, except a caller who is about
//! to be answered where a limit of callers is set, and a transfer.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::{Actor, ActorFutureExt as _, Addr, AsyncContext as _, Context, Handler, ResponseActFuture};
use chrono::Datelike as _;
use log::{debug, error, info, warn};
use metrics::gauge;
use redis::RedisResult;
use switchboard_actors::clock;
use switchboard_actors::money::Usd;
use switchboard_actors::rate::RateWindow;
use switchboard_actors::supervisor::actor::Supervisor;
use switchboard_actors::supervisor::messages::{FleetApart, FleetSpent, Held, Kill, ListCalls, ListHeld};
use switchboard_actors::supervisor::report::{CostCounted, TransferPermit};
use switchboard_actors::transcript::writer::Looker;
use uuid::Uuid;

use super::dues::{Dues, Total};
use super::fleet::Fleet;
use super::kill::KillSwitch;
use super::link::{Heard, Link, Place, Placed};
use super::messages::{
    Announced, Attach, FreePlace, KeepPermit, Leave, PlaceTaken, ReadSpending, SwitchKill, TakeLine, TakePermit,
    TakePlace,
};
use super::view::Change;

/// What the actor is started with.
pub(crate) struct ClusterSetup {
    /// The cluster, joined.
    pub(crate) fleet: Fleet,
    /// Whether the settings have the kill switch on.
    pub(crate) killed: bool,
    /// How long an announced call may wait for its stream.
    pub(crate) token_lifetime: Duration,
}

/// The actor.
pub(crate) struct Cluster {
    fleet: Fleet,
    /// `None` if the address is not one of Redis; the service has refused that.
    link: Option<Link>,
    token_lifetime: Duration,
    supervisor: Option<Addr<Supervisor>>,
    looker: Option<Looker>,
    dues: Dues,
    /// Whether a batch of costs is on its way.
    paying: bool,
    /// Whether a heartbeat is on its way.
    beating: bool,
    beats: u64,
    started: Instant,
    kill: KillSwitch,
    /// The calls that have a place of this node.
    places: HashMap<String, Place>,
    /// Calls that were given their place since the last heartbeat: the Supervisor may not know them.
    fresh: HashSet<String>,
    /// Transfers and placed calls of this node, for its share while Redis is away.
    transfers: HashMap<String, RateWindow>,
    /// Whether another process has this node's name.
    doubled: bool,
    left: bool,
}

impl Cluster {
    /// The actor of a node that has joined.
    pub(crate) fn new(ClusterSetup { fleet, killed, token_lifetime }: ClusterSetup) -> Self {
        Self {
            link: Link::new(fleet.redis_url()).ok(),
            fleet,
            token_lifetime,
            supervisor: None,
            looker: None,
            dues: Dues::default(),
            paying: false,
            beating: false,
            beats: 0,
            started: clock::now(),
            kill: KillSwitch { configured: killed, seen: None, due: None },
            places: HashMap::new(),
            fresh: HashSet::new(),
            transfers: HashMap::new(),
            doubled: false,
            left: false,
        }
    }

    /// The link, unless Redis is away: nobody waits for it then.
    fn reachable(&self) -> Option<Link> {
        self.link.clone().filter(|_| !self.fleet.is_apart() && !self.left)
    }

    /// Sends a heartbeat, unless one is on its way.
    fn beat(&mut self, ctx: &mut Context<Self>) {
        let (Some(link), Some(supervisor)) = (self.link.clone(), self.supervisor.clone()) else { return };
        if self.left || std::mem::replace(&mut self.beating, true) {
            return;
        }
        self.beats += 1;
        let (fleet, beats) = (self.fleet.clone(), self.beats);
        let uptime = clock::now().saturating_duration_since(self.started);
        let (day, kill) = (today(), self.kill.due);
        let fresh = std::mem::take(&mut self.fresh);
        let held: Vec<(String, Place)> =
            self.places.iter().map(|(call, place)| (call.clone(), place.clone())).collect();
        let work = async move {
            let list = supervisor.send(ListCalls).timeout(PATIENCE).await.ok();
            let heard = link.beat(&fleet.beat(list.as_ref(), uptime, beats), day, kill).await?;
            let mut over = Vec::new();
            if !held.is_empty()
                && let Ok(Held { begun, calls }) = supervisor.send(ListHeld).timeout(PATIENCE).await
            {
                let begun = begun.iter().map(ToString::to_string);
                let known: HashSet<String> = begun.chain(calls.iter().map(ToString::to_string)).chain(fresh).collect();
                let (on, ended): (Vec<_>, Vec<_>) = held.into_iter().partition(|(call, _)| known.contains(call));
                link.renew(&on).await?;
                link.free(&ended).await?;
                over = ended;
            }
            RedisResult::Ok((heard, over))
        };
        ctx.spawn(wrap_future::<_, Self>(work).map(move |done, this, ctx| {
            this.beating = false;
            match done {
                Ok((heard, over)) => {
                    if this.kill.due == kill {
                        this.kill.due = None;
                    }
                    over.iter().for_each(|(call, _)| {
                        this.places.remove(call);
                    });
                    this.heard(heard, day, ctx);
                }
                Err(problem) => this.lost(&problem),
            }
        }));
    }

    /// Redis has answered a heartbeat.
    fn heard(&mut self, Heard { own, beats, killed, total }: Heard, day: i32, ctx: &mut Context<Self>) {
        let Change { came, gone, back } = self.fleet.view_mut().heard(self.fleet.node(), beats);
        for node in &gone {
            info!(node = node.as_str(); "a node of the cluster is gone");
        }
        for node in &came {
            info!(node = node.as_str(); "a node of the cluster is there");
        }
        if self.doubled == own {
            self.doubled = !own;
            if own {
                info!("this node has its name in the cluster again");
            } else {
                error!(node = self.fleet.node(); "another process has this node's name (`cluster.node`): its calls are not found by the others");
            }
        }
        if back {
            info!("Redis answers again (`cluster.url`); limits are those of all nodes");
            self.tell(FleetApart { nodes: None });
        }
        if let (false, Some(looker)) = (gone.is_empty(), &self.looker) {
            looker.look();
        }
        if let Some(on) = self.kill.read(killed) {
            self.tell_kill(on);
        }
        if let Some(total) = self.dues.learn(day, None, total) {
            self.tell(FleetSpent { day, total, callers: Vec::new() });
        }
        self.count_nodes();
        self.pay(ctx);
    }

    /// Redis has not answered.
    fn lost(&mut self, problem: &redis::RedisError) {
        if self.fleet.view_mut().unheard() {
            let nodes = self.fleet.view().nodes();
            warn!(problem:%, nodes; "Redis does not answer (`cluster.url`): this node goes by its share of the limits until it does");
            self.tell(FleetApart { nodes: Some(nodes) });
        }
        self.count_nodes();
    }

    fn count_nodes(&self) {
        let (nodes, apart) = (self.fleet.view().nodes(), self.fleet.is_apart());
        #[expect(clippy::cast_precision_loss, reason = "a handful of nodes")]
        gauge!("switchboard_cluster_nodes").set(nodes as f64);
        gauge!("switchboard_cluster_apart").set(if apart { 1.0 } else { 0.0 });
    }

    /// Sends what this node owes, unless a batch is on its way.
    fn pay(&mut self, ctx: &mut Context<Self>) {
        let Some(link) = self.reachable().filter(|_| !self.paying) else { return };
        let Some(batch) = self.dues.batch() else { return };
        self.paying = true;
        let process = self.fleet.process().to_owned();
        let work = async move {
            let totals = link.pay(&process, &batch).await;
            (batch, totals)
        };
        ctx.spawn(wrap_future::<_, Self>(work).map(|(batch, totals), this, ctx| {
            this.paying = false;
            match totals {
                Ok(totals) => {
                    let told = this.dues.paid(&batch, &totals);
                    this.tell_totals(batch.day, told);
                    this.pay(ctx);
                }
                Err(problem) => this.lost(&problem),
            }
        }));
    }

    fn tell_totals(&self, day: i32, told: Vec<Total>) {
        let mut spent = FleetSpent { day, total: Usd::ZERO, callers: Vec::new() };
        for Total { caller, spent: amount } in told {
            match caller {
                None => spent.total = amount,
                Some(caller) => spent.callers.push((caller, amount)),
            }
        }
        self.tell(spent);
    }

    fn tell_kill(&self, on: bool) {
        if let Some(supervisor) = &self.supervisor {
            // The answer is for operators.
            supervisor.do_send(Kill { on });
        }
    }

    fn tell<M>(&self, message: M)
    where
        M: actix::Message<Result = ()> + Send + 'static,
        Supervisor: Handler<M>,
    {
        if let Some(supervisor) = &self.supervisor {
            supervisor.do_send(message);
        }
    }

    /// Counts a transfer of this node; while Redis is away, against its share.
    fn counts_here(&mut self, asked: &TransferPermit) -> bool {
        let share = self.fleet.share(asked.most_an_hour);
        let made = self.transfers.entry(asked.destination.clone()).or_insert_with(|| RateWindow::new(HOUR));
        made.take(usize::try_from(share).unwrap_or(usize::MAX), clock::now())
    }
}

/// The current UTC day, as the ledger counts it.
fn today() -> i32 {
    clock::wall().date_naive().num_days_from_ce()
}

impl Actor for Cluster {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.count_nodes();
        ctx.run_interval(BEAT_EVERY, |this, ctx| this.beat(ctx));
    }
}

impl Handler<Attach> for Cluster {
    type Result = ();

    fn handle(&mut self, Attach { supervisor, looker }: Attach, ctx: &mut Self::Context) {
        (self.supervisor, self.looker) = (Some(supervisor), Some(looker));
        if self.fleet.is_apart() {
            let nodes = Some(self.fleet.view().nodes());
            self.tell(FleetApart { nodes });
        }
        self.beat(ctx);
    }
}

impl Handler<CostCounted> for Cluster {
    type Result = ();

    fn handle(&mut self, CostCounted { day, caller, cost }: CostCounted, ctx: &mut Self::Context) {
        self.dues.owe(day, caller.as_deref(), cost);
        self.pay(ctx);
    }
}

impl Handler<ReadSpending> for Cluster {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, ReadSpending { caller }: ReadSpending, _: &mut Self::Context) -> Self::Result {
        let Some(link) = self.reachable() else { return Box::pin(actix::fut::ready(())) };
        let day = today();
        let work = async move {
            let read = link.spending(day, caller.as_deref()).await;
            (caller, read)
        };
        Box::pin(wrap_future::<_, Self>(work).map(move |(caller, read), this, _| match read {
            Ok((total, of_caller)) => {
                let Some(total) = this.dues.learn(day, None, total) else { return };
                let known = caller.as_deref().zip(of_caller);
                let callers = known
                    .and_then(|(caller, spent)| Some((caller.to_owned(), this.dues.learn(day, Some(caller), spent)?)));
                this.tell(FleetSpent { day, total, callers: callers.into_iter().collect() });
            }
            Err(problem) => this.lost(&problem),
        }))
    }
}

impl Handler<SwitchKill> for Cluster {
    type Result = ();

    fn handle(&mut self, SwitchKill { on }: SwitchKill, ctx: &mut Self::Context) {
        self.kill.due = Some(on);
        self.beat(ctx);
    }
}

impl Handler<TransferPermit> for Cluster {
    type Result = ResponseActFuture<Self, bool>;

    fn handle(&mut self, asked: TransferPermit, _: &mut Self::Context) -> Self::Result {
        let here = self.counts_here(&asked);
        let Some(link) = self.reachable().filter(|_| here) else { return Box::pin(actix::fut::ready(here)) };
        let share = asked.most_an_hour;
        let work = async move { link.transfer(&asked.destination, &Uuid::new_v4().to_string(), share).await };
        Box::pin(wrap_future::<_, Self>(work).map(|granted, this, _| {
            // What this node has counted stands for an answer that did not come.
            granted.unwrap_or_else(|problem| {
                this.lost(&problem);
                true
            })
        }))
    }
}

impl Handler<TakePlace> for Cluster {
    type Result = ResponseActFuture<Self, PlaceTaken>;

    fn handle(&mut self, TakePlace { call, most, per_minute }: TakePlace, _: &mut Self::Context) -> Self::Result {
        let Some(link) = self.reachable() else { return Box::pin(actix::fut::ready(PlaceTaken::Apart)) };
        let work = async move {
            let placed = link.place(&call, most, per_minute).await;
            (call, placed)
        };
        Box::pin(wrap_future::<_, Self>(work).map(|(call, placed), this, _| match placed {
            Ok(Placed::Granted) => {
                this.fresh.insert(call.clone());
                this.places.insert(call, Place::Placed);
                PlaceTaken::Granted
            }
            Ok(Placed::TooMany) => PlaceTaken::TooMany,
            Ok(Placed::TooFast) => PlaceTaken::TooFast,
            Err(problem) => {
                this.lost(&problem);
                PlaceTaken::Apart
            }
        }))
    }
}

impl Handler<TakeLine> for Cluster {
    type Result = ResponseActFuture<Self, bool>;

    fn handle(&mut self, TakeLine { caller, call, most }: TakeLine, _: &mut Self::Context) -> Self::Result {
        // While Redis is away the Supervisor goes by this node's share.
        let Some(link) = self.reachable() else { return Box::pin(actix::fut::ready(true)) };
        let work = async move {
            let granted = link.line(&caller, &call, most).await;
            (caller, call, granted)
        };
        Box::pin(wrap_future::<_, Self>(work).map(|(caller, call, granted), this, _| match granted {
            Ok(true) => {
                this.fresh.insert(call.clone());
                this.places.insert(call, Place::Line { caller });
                true
            }
            Ok(false) => false,
            Err(problem) => {
                this.lost(&problem);
                true
            }
        }))
    }
}

impl Handler<FreePlace> for Cluster {
    type Result = ();

    fn handle(&mut self, FreePlace { call }: FreePlace, ctx: &mut Self::Context) {
        let place = self.places.remove(&call);
        if let (Some(link), Some(place)) = (self.reachable(), place) {
            ctx.spawn(wrap_future::<_, Self>(async move { link.free(&[(call, place)]).await }).map(
                |freed, this, _| {
                    if let Err(problem) = freed {
                        this.lost(&problem);
                    }
                },
            ));
        }
    }
}

impl Handler<KeepPermit> for Cluster {
    type Result = ();

    fn handle(&mut self, KeepPermit { token, call }: KeepPermit, ctx: &mut Self::Context) {
        let (Some(link), lifetime) = (self.reachable(), self.token_lifetime) else { return };
        let work = async move { link.keep(token.expose(), &call, lifetime).await };
        ctx.spawn(wrap_future::<_, Self>(work).map(|kept, this, _| {
            if let Err(problem) = kept {
                this.lost(&problem);
            }
        }));
    }
}

impl Handler<TakePermit> for Cluster {
    type Result = ResponseActFuture<Self, Option<Announced>>;

    fn handle(&mut self, TakePermit { token }: TakePermit, _: &mut Self::Context) -> Self::Result {
        let Some(link) = self.reachable() else { return Box::pin(actix::fut::ready(None)) };
        let fleet = self.fleet.clone();
        let work = async move {
            let Some(call) = link.announced(token.expose()).await? else { return Ok(None) };
            // The node that announced it expects it.
            if fleet.has_process(&call.process) || call.process == fleet.process() {
                return Ok(None);
            }
            let first = link.use_up(token.expose()).await?;
            RedisResult::Ok(first.then_some(call))
        };
        Box::pin(wrap_future::<_, Self>(work).map(|taken, this, _| {
            taken.unwrap_or_else(|problem| {
                this.lost(&problem);
                None
            })
        }))
    }
}

impl Handler<Leave> for Cluster {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Leave, _: &mut Self::Context) -> Self::Result {
        let link = self.reachable();
        self.left = true;
        let Some(link) = link else { return Box::pin(actix::fut::ready(())) };
        let (fleet, batch) = (self.fleet.clone(), self.dues.batch());
        Box::pin(wrap_future::<_, Self>(async move {
            if let Some(batch) = batch
                && let Err(problem) = link.pay(fleet.process(), &batch).await
            {
                warn!(problem:%; "the last costs of this node did not reach the cluster");
            }
            if let Err(problem) = link.leave(fleet.node(), fleet.process()).await {
                debug!(problem:%; "this node's entry stays until it expires");
            }
        }))
    }
}

/// How often a node renews its entry and looks at the others'. Shorter costs Redis more; longer lets
/// the kill switch, and what the others know of a node, come later.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// Longest wait for the Supervisor.
const PATIENCE: Duration = Duration::from_millis(500);
const HOUR: Duration = Duration::from_secs(3600);
