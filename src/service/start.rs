//! The service as a whole: the order of its start and of its stop.

mod ahead;
mod disk;
mod error;
mod settle;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::{Actor, Addr};
use actix_rt::Arbiter;
use actix_rt::task::JoinHandle;
use actix_web::web::Data;
use futures_util::future::{join_all, join3};
use log::{debug, warn};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::control::Control;
use switchboard_actors::carrier::settings::Term;
use switchboard_actors::carrier::webhook_api::WebhookApi;
use switchboard_actors::clock;
use switchboard_actors::delivery::actor::Delivery;
use switchboard_actors::delivery::messages::Finish;
use switchboard_actors::delivery::store::Store;
use switchboard_actors::realtime::pool::actor::Keep;
use switchboard_actors::realtime::providers::actor::Providers;
use switchboard_actors::realtime::providers::messages::ReleaseSessions;
use switchboard_actors::supervisor::actor::{Supervisor, SupervisorSetup};
use switchboard_actors::supervisor::messages::Drain;
use switchboard_actors::supervisor::report::Sharers;
use switchboard_actors::transcript::writer::RecordWriter;
use tokio::time::timeout;
use url::Url;

pub(in crate::service) use self::ahead::record_ahead;
pub(crate) use self::disk::check_spend_store;
use self::disk::{delivery, host_name, make_recordings, on_its_own_thread, start_records};
pub use self::error::ServiceError;
pub(in crate::service) use self::settle::{Parts, settle};
use self::settle::{first_plan, named_for, profile_for};
use crate::service::board::Board;
use crate::service::carriers::{self, Open};
use crate::service::cluster::events::gather;
use crate::service::cluster::messages::{Attach, Leave};
use crate::service::cluster::{Cluster, ClusterSetup, Fleet, Plan, join};
use crate::service::config::{Config, ConfigError, Profiles, plan_notes, plan_problems};
use crate::service::listener::{Bound, Listener, Place, Room};
use crate::service::live::Live;
use crate::service::manager::Sockets;
use crate::service::operators::Operators;
use crate::service::operators::audit::Audit;
use crate::service::overload::Overload;
use crate::service::reload::{self, NotReloaded, Reading, ReloadOrder, Reloaded, Reloader};
use crate::service::routes;
use crate::service::routes::answered::AnsweredCalls;
use crate::service::routes::app::AppState;
use crate::service::routes::deliveries::Deliveries;
use crate::service::routes::hints::Hints;
use crate::service::routes::limiter::ConnectionLimiter;
use crate::service::routes::watching::Watching;
use crate::service::shutdown::DrainOrder;
use crate::service::{open_files, telemetry};
use crate::tools::records::{Archive, Sweep};
use crate::tools::rehearsal::{Rehearsal, RehearsalOptions};

/// A running service.
pub struct Service {
    public: Listener,
    /// The listeners of carriers whose streams are no WebSockets.
    packets: Vec<(Carrier, Listener)>,
    admin: Listener,
    public_url: Url,
    supervisor: Addr<Supervisor>,
    /// The Supervisor's thread. Calls run elsewhere, so a busy call never delays it.
    arbiter: Arbiter,
    writer: RecordWriter,
    /// The thread that deletes old records; ends with the service.
    _sweep: Option<Sweep>,
    /// The Delivery actor and its thread; `None` if no webhooks are configured.
    delivery: Option<(Addr<Delivery>, Arbiter)>,
    /// The embedded model, if it runs. A reload may start it.
    rehearsal: Rc<RefCell<Option<Rehearsal>>>,
    /// The canary, if there is one. A reload replaces it.
    canary: Rc<RefCell<Option<JoinHandle<()>>>>,
    /// Orders to read the configuration again, and the task that carries them out.
    reload: ReloadOrder,
    reloading: JoinHandle<()>,
    /// An operator's order to drain.
    drain: DrainOrder,
    /// The providers, which close the standby sessions at the stop.
    providers: Addr<Providers>,
    /// Tasks that warn of expiring carrier tokens.
    token_watch: Vec<JoinHandle<()>>,
    /// The events of all calls, and the task that sends them.
    board: (Board, JoinHandle<()>),
    /// The cluster, and the task that gathers the other nodes' events.
    fleet: Option<(Fleet, JoinHandle<()>)>,
}

impl Service {
    /// Starts everything that `config` asks for. Requires an actix system.
    ///
    /// # Errors
    /// When the server would refuse a session, or the disk or an address cannot be used.
    pub async fn build(config: Config) -> Result<Self, ServiceError> {
        Self::build_from(config, None, Sockets::default()).await
    }

    /// As [`Self::build`], with a configuration that can be read again.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub async fn build_reading(config: Config, reading: Reading) -> Result<Self, ServiceError> {
        Self::build_from(config, Some(reading), Sockets::default()).await
    }

    /// As [`Self::build_reading`], with sockets that may be bound already.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub(crate) async fn build_from(
        config: Config,
        reading: Option<Reading>,
        mut sockets: Sockets,
    ) -> Result<Self, ServiceError> {
        check_sessions(&config)?;
        check_spend_store(&config.spend)?;
        make_recordings(config.recording.dir.as_deref())?;
        let archive = Archive::start(&config.records, &config.recording);
        let node = config.node.clone().unwrap_or_else(host_name);
        let writer = start_records(&config.records, archive.as_ref(), &node)?;
        let sweep = Sweep::start(&config.records, &config.recording, &config.delivery);
        let delivery = delivery(&config)
            .map_err(|source| ServiceError::Records { dir: config.records.dir.display().to_string(), source })?;
        let app = Arc::new(OnceLock::new());
        let sockets_waiting = open_files::waiting(config.limits.sockets_waiting);
        let (public, admin) = bind(&config, sockets_waiting, &app, &mut sockets)?;
        sockets.warn_of_others();
        let rehearsal = start_rehearsal(&config).await?;
        let embedded = rehearsal.as_ref().and_then(|it| it.url_for(config.realtime.rehearsal_protocol));
        let profiles = Arc::new(Profiles::new(&config, embedded.as_deref()));
        let public_url = config.server.public_url_at(public.address);
        let fleet = join_cluster(&config, &node, admin.address).await?;
        // Others beside this one, which a proxy in front tells apart, have names without a cluster too.
        let among_others = (fleet.is_some() || config.node.is_some()).then_some(node.as_str());
        let Open { webhook_apis, apis, expiring, answers } = Open::all(&config, &public_url, among_others);
        let packets = bind_packets(&config, &webhook_apis, sockets_waiting, &app)?;
        let delivery = delivery.map(on_its_own_thread);
        let arbiter = Arbiter::new();
        let providers = Providers::start_in_arbiter(&arbiter.handle(), |_| Providers::new());
        let board = Board::of(&node);
        let setup = SupervisorSetup {
            watch_all: Some(board.watch_all()),
            sharers: fleet.as_ref().map(|fleet| start_cluster(fleet, &config, &arbiter)),
            ..supervisor_setup(&config, &writer, &providers, &apis, delivery.as_ref())
        };
        let supervisor = Supervisor::start_in_arbiter(&arbiter.handle(), move |_| Supervisor::new(setup));
        if let Some(fleet) = &fleet {
            fleet.actor().do_send(Attach { supervisor: supervisor.clone(), looker: writer.looker() });
        }
        let metrics = telemetry::install();
        telemetry::begin_named(&config);
        record_ahead(&profiles, &providers, &supervisor);
        let drain = DrainOrder::new(config.drain_timeout());
        let waiting = first_plan(&profiles).map(|plan| Keep { plan, providers: providers.clone() });
        let parts = Parts {
            config: &config,
            profiles,
            providers: &providers,
            apis: &apis,
            webhook_apis: answers.as_ref().unwrap_or(&webhook_apis),
            pace: None,
        };
        let (in_force, canary) = settle(parts);
        let (live, canary) = (Live::new(in_force), Rc::new(RefCell::new(canary)));
        if let Some(fleet) = &fleet {
            fleet.goes_by(live.clone());
        }
        let operators = Arc::new(Operators::new(&config.admin.tokens, config.admin.session));
        let (reload, orders) = reload::orders();
        let known = AppState {
            supervisor: supervisor.clone(),
            named: named_for(live.clone()),
            profiles: profile_for(live.clone()),
            live: live.clone(),
            reload: reload.clone(),
            public_url: public_url.clone(),
            webhook_apis: webhook_apis.clone(),
            answers: answers.clone().unwrap_or_default(),
            fleet: fleet.clone(),
            calls_per_caller: config.limits.calls_per_caller,
            limiter: ConnectionLimiter::new(sockets_waiting, config.limits.sockets_per_address),
            operators: Arc::clone(&operators),
            audit: Audit::new(config.audit()),
            deliveries: Deliveries::new(Store::of(&config.records.dir), !config.webhooks.endpoints.is_empty()),
            node,
            drain: drain.clone(),
            overload: config.server.overload.then(Overload::default),
            recordings: config.recording.dir.clone(),
            unwritable: writer.unwritable(),
            waiting,
            recent: writer.recent(),
            archive,
            watching: Watching::new(&config.records.dir),
            board: board.clone(),
            answered: AnsweredCalls::default(),
            hints: Hints::default(),
            metrics,
            started: clock::now(),
        };
        app.get_or_init(|| Data::new(known));
        let broadcast = actix_rt::spawn(board.clone().broadcast(supervisor.clone(), fleet.clone()));
        let gathered = fleet.clone().map(|fleet| actix_rt::spawn(gather(fleet, board.clone())));
        let token_watch = expiring.into_iter().map(|expiring| actix_rt::spawn(carriers::watch(expiring))).collect();
        let (public, admin) = (public.listen(), admin.listen());
        let packets = packets.into_iter().map(|(carrier, bound)| (carrier, bound.listen())).collect();
        let rehearsal = Rc::new(RefCell::new(rehearsal));
        let reloader = Reloader {
            reading,
            running: config,
            live,
            operators,
            supervisor: supervisor.clone(),
            providers: providers.clone(),
            apis,
            webhook_apis: answers.unwrap_or(webhook_apis),
            drain: drain.clone(),
            rehearsal: Rc::clone(&rehearsal),
            canary: Rc::clone(&canary),
        };
        let reloading = actix_rt::spawn(reloader.serve(orders));
        debug!(public:% = public.address, admin:% = admin.address, public_url:% = public_url; "listening");
        Ok(Self {
            public,
            packets,
            admin,
            public_url,
            supervisor,
            arbiter,
            writer,
            _sweep: sweep,
            delivery,
            rehearsal,
            canary,
            reload,
            reloading,
            drain,
            providers,
            token_watch,
            board: (board, broadcast),
            fleet: fleet.zip(gathered),
        })
    }

    /// Returns the address of the carriers' listener.
    pub fn public_addr(&self) -> SocketAddr {
        self.public.address
    }

    /// Returns the address of a carrier's own listener, if it has one.
    pub fn packet_addr(&self, carrier: Carrier) -> Option<SocketAddr> {
        self.packets.iter().find(|(of, _)| *of == carrier).map(|(_, listener)| listener.address)
    }

    /// Returns the address of the operators' listener.
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin.address
    }

    /// Returns the URL at which carriers reach us, with the real port.
    pub fn public_url(&self) -> &Url {
        &self.public_url
    }

    /// Returns the URL at which operators reach us, without a trailing slash.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.admin.address)
    }

    /// Reads the configuration again and applies it to new calls.
    ///
    /// # Errors
    /// Everything that is wrong with it; nothing has changed then.
    pub async fn reload(&self) -> Result<Reloaded, NotReloaded> {
        self.reload.give("the program").await
    }

    /// Returns what orders a reload.
    pub(crate) fn reload_order(&self) -> ReloadOrder {
        self.reload.clone()
    }

    /// How long calls may continue once the service is asked to stop, as the configuration in force
    /// says.
    pub fn patience(&self) -> Duration {
        self.drain.patience()
    }

    /// Returns the Supervisor, which admits calls.
    pub fn supervisor(&self) -> &Addr<Supervisor> {
        &self.supervisor
    }

    /// Completes once an operator has ordered the service to drain. It takes no more calls from then
    /// on; its owner stops it.
    pub async fn drain_ordered(&self) {
        self.drain.given().await;
    }

    /// Accepts no more calls, lets live calls continue for `patience`, ends them politely, and
    /// stops after their records are on disk. HTTP keeps answering until then: webhooks politely,
    /// `/ready` with `draining`.
    pub async fn stop(self, patience: Duration) {
        self.reloading.abort();
        if let Some(canary) = self.canary.borrow().as_ref() {
            canary.abort();
        }
        self.drain.begin();
        self.providers.do_send(ReleaseSessions);
        let drained = timeout(patience + GRACE, self.supervisor.send(Drain { patience })).await;
        if !matches!(drained, Ok(Ok(()))) {
            warn!("not every call has ended in time; stopping anyway");
        }
        // A Transcript that waits for its call's last words still has a handle of the writer.
        let patient = async {
            while self.writer.handles() > WRITERS_KEPT {
                actix_rt::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(LAST_WORDS, patient).await.is_err() {
            warn!("a transcript is not complete; it is filed as it is");
        }
        let (board, broadcast) = self.board;
        broadcast.abort();
        board.close();
        if let Some((fleet, gathered)) = self.fleet {
            gathered.abort();
            if timeout(LAST_WORDS, fleet.actor().send(Leave)).await.is_err() {
                warn!("Redis is slow; this node's entry in the cluster stays until it expires");
            }
        }
        // Beside the rest: each waits a moment for its last connections.
        let packets = join_all(self.packets.into_iter().map(|(_, listener)| listener.stop()));
        let listeners = actix_rt::spawn(join3(self.public.stop(), packets, self.admin.stop()));
        let writer = self.writer;
        let flushed = actix_rt::task::spawn_blocking(move || writer.flush());
        if timeout(GRACE, flushed).await.is_err() {
            warn!(
                "the disk is slow; the last records may be missing and are made from their journals at the next start"
            );
        }
        if let Some((delivery, thread)) = self.delivery {
            // Deliveries that are unfinished by then continue at the next start.
            if timeout(GRACE, delivery.send(Finish { patience: LAST_DELIVERIES })).await.is_err() {
                warn!("deliveries did not stop in time; they continue at the next start");
            }
            thread.stop();
        }
        // An error means that it panicked, which is logged.
        let _ = listeners.await;
        let rehearsal = self.rehearsal.borrow_mut().take();
        if let Some(rehearsal) = rehearsal {
            rehearsal.stop().await;
        }
        for watch in self.token_watch {
            watch.abort();
        }
        self.arbiter.stop();
    }
}

/// Refuses a configuration whose sessions the model's server would refuse, and logs what has no
/// effect.
fn check_sessions(config: &Config) -> Result<(), ServiceError> {
    for note in plan_notes(config) {
        log::warn!("configuration: {note}");
    }
    let problems = plan_problems(config);
    if problems.is_empty() { Ok(()) } else { Err(ServiceError::Sessions(ConfigError { problems })) }
}

/// Joins the cluster, if there is one. `admin` is the address of the bound listener.
async fn join_cluster(config: &Config, node: &str, admin: SocketAddr) -> Result<Option<Fleet>, ServiceError> {
    let Some(cluster) = &config.cluster else { return Ok(None) };
    let own = || Url::parse(&format!("http://{admin}")).expect("an address is a URL's host and port");
    let fleet = join(Plan {
        redis_url: cluster.redis_url.clone(),
        node: node.to_owned(),
        advertise: cluster.advertise.clone().unwrap_or_else(own),
        token: cluster.token.clone(),
        max_calls: config.server.max_calls,
    });
    Ok(Some(fleet.await?))
}

/// Starts the cluster's actor on the Supervisor's thread.
fn start_cluster(fleet: &Fleet, config: &Config, arbiter: &Arbiter) -> Sharers {
    let setup = ClusterSetup {
        fleet: fleet.clone(),
        killed: config.spend.limits.killed,
        token_lifetime: config.carriers.first_term(Term::TokenLifetime).unwrap_or(TOKEN_LIFETIME),
    };
    let actor = Cluster::start_in_arbiter(&arbiter.handle(), move |_| Cluster::new(setup));
    fleet.runs(actor.clone());
    Sharers { costs: actor.clone().recipient(), transfers: actor.recipient() }
}

/// Binds both listeners. Neither accepts connections yet.
fn bind(
    config: &Config,
    sockets_waiting: usize,
    app: &Arc<OnceLock<Data<AppState>>>,
    given: &mut Sockets,
) -> Result<(Bound, Bound), ServiceError> {
    let strangers = open_files::strangers(config.server.max_calls);
    let room = Room { strangers, others: config.server.max_calls.saturating_add(sockets_waiting) };
    let mut place = |key, address| Place { key, address, given: given.take(address) };
    let public = Bound::at(place("server.bind", config.server.bind), config.server.workers, room, app, routes::public)?;
    let room = Room { strangers, others: MOST_OPERATORS };
    // Calls whose carrier's connection came to another node run on these threads too.
    let (workers, calls) = match &config.cluster {
        Some(_) => (config.server.workers, config.server.max_calls),
        None => (1, 0),
    };
    let room = Room { others: room.others.saturating_add(calls), ..room };
    let admin = Bound::at(place("admin.bind", config.admin.bind), workers, room, app, routes::admin)?;
    Ok((public, admin))
}

/// Binds the listeners of carriers whose streams are no WebSockets.
fn bind_packets(
    config: &Config,
    webhook_apis: &HashMap<Carrier, Arc<dyn WebhookApi>>,
    sockets_waiting: usize,
    app: &Arc<OnceLock<Data<AppState>>>,
) -> Result<Vec<(Carrier, Bound)>, ServiceError> {
    let most = config.server.max_calls.saturating_add(sockets_waiting);
    let own = |carrier: Carrier| {
        let packets = carrier.packets()?;
        Some((carrier, packets, webhook_apis.get(&carrier)?.own_listener()?))
    };
    Carrier::all()
        .filter_map(own)
        .map(|(carrier, packets, at)| {
            Ok((carrier, Bound::packets(carrier, packets, at, config.server.workers, most, app)?))
        })
        .collect()
}

/// Starts the embedded rehearsal model, if it is configured.
pub(in crate::service) async fn start_rehearsal(config: &Config) -> Result<Option<Rehearsal>, ServiceError> {
    if !config.realtime.needs_embedded() {
        return Ok(None);
    }
    Rehearsal::start(RehearsalOptions::default()).await.map(Some).map_err(ServiceError::Rehearsal)
}

fn supervisor_setup(
    config: &Config,
    writer: &RecordWriter,
    providers: &Addr<Providers>,
    apis: &HashMap<Carrier, Arc<dyn Control>>,
    delivery: Option<&(Addr<Delivery>, Arbiter)>,
) -> SupervisorSetup {
    SupervisorSetup {
        max_calls: config.server.max_calls,
        calls_per_caller: config.limits.calls_per_caller,
        token_lifetime: config.carriers.first_term(Term::TokenLifetime).unwrap_or(TOKEN_LIFETIME),
        writer: writer.clone(),
        spend: config.spend.limits,
        spend_store: config.spend.file.clone(),
        providers: providers.clone(),
        apis: apis.clone(),
        call_updates: delivery.map(|(delivery, _)| delivery.clone().recipient()),
        watch_all: None,
        sharers: None,
    }
}

/// Most concurrent requests and event streams of operators.
const MOST_OPERATORS: usize = 512;
/// How long a call's slot waits for its stream, for carriers without a setting for it.
const TOKEN_LIFETIME: Duration = Duration::from_secs(60);
/// Handles of the writer that are always open: the service's own and the Supervisor's.
const WRITERS_KEPT: usize = 2;
/// Longer than a Transcript waits for late words.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// How long deliveries in progress may take when the service stops.
const LAST_DELIVERIES: Duration = Duration::from_secs(1);
/// Extra time beyond the patience of calls: for goodbyes to be heard and records to be written.
const GRACE: Duration = Duration::from_secs(15);
