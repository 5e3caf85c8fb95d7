//! What the API knows about a sandbox beyond the sandbox itself: its tokens, its owner, the processes that were started over
//! envd. An entry lives as long as its sandbox and is dropped with it; nothing here is written to disk.

use super::envd::registry::Registry;
use super::envd::watch::Watchers;
use super::host::Domain;
use super::ingress::Ingress;
use super::keys::Secret;
use super::listeners;
use super::logs::{Level, Logs};
use super::metrics::Metrics;
use super::teams::Tenant;
use crate::{Error, Runtime, Sandbox, SandboxConfig};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A sandbox as the API sees it.
pub(crate) struct Machine {
    /// The sandbox.
    pub(crate) sandbox: Sandbox,
    /// The template's name as the client gave it.
    pub(crate) template: String,
    /// envd's `X-Access-Token`.
    pub(crate) token: Secret,
    /// How its ports answer.
    pub(crate) ingress: Ingress,
    /// `E2b-Traffic-Access-Token`, when its ports are not public.
    pub(crate) traffic_token: Option<Secret>,
    /// Processes started over envd.
    pub(crate) processes: Registry,
    /// Watched directories that are polled.
    pub(crate) watchers: Watchers,
    /// What it uses.
    pub(crate) metrics: Metrics,
    /// What happened in it.
    pub(crate) logs: Logs,
    /// Cancelled when the sandbox is killed or ends: streams then end, tunnels close.
    pub(crate) gone: CancellationToken,
    /// Who made it; `None` if the program that embeds us did, then every key sees it.
    owner: Option<Tenant>,
}

/// How a sandbox was asked for, beyond what the sandbox itself keeps.
pub(crate) struct Made {
    /// Whose key it was.
    pub(crate) owner: Tenant,
    /// The template's name as the client gave it.
    pub(crate) template: String,
    /// How its ports answer.
    pub(crate) ingress: Ingress,
}

/// All machines of the server.
#[derive(Clone)]
pub(crate) struct Machines {
    runtime: Runtime,
    domain: Domain,
    known: Arc<Mutex<HashMap<String, Arc<Machine>>>>,
}

impl Machines {
    /// The machines of `runtime`, which are reached under `domain`.
    pub(crate) fn new(runtime: Runtime, domain: Domain) -> Self {
        Self { runtime, domain, known: Arc::default() }
    }

    /// The runtime behind them.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Starts a sandbox for a client. Whose it is is known before anybody can find it: a request that lists sandboxes at that
    /// very moment must not take it for one without an owner.
    ///
    /// # Errors
    ///
    /// As [`Runtime::create`].
    pub(crate) fn create(&self, config: SandboxConfig, made: Made) -> Result<Arc<Machine>, Error> {
        let mut machine = None;
        self.runtime.create_with(config, |sandbox| {
            machine = Some(self.enter(sandbox.clone(), Some(made)));
        })?;
        Ok(machine.expect("a sandbox that was created was announced"))
    }

    /// The live machine with this id.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Machine>> {
        if let Some(machine) = self.known.lock().get(id) {
            return Some(machine.clone()).filter(|machine| !machine.gone.is_cancelled());
        }
        self.runtime.get(id).map(|sandbox| self.enter(sandbox, None))
    }

    /// The live machine with this id, if `tenant` may see it. Everything else looks the same: absent.
    pub(crate) fn of(&self, tenant: Tenant, id: &str) -> Option<Arc<Machine>> {
        self.get(id).filter(|machine| machine.owner.is_none_or(|owner| owner == tenant))
    }

    /// All live machines.
    pub(crate) fn all(&self) -> Vec<Arc<Machine>> {
        let sandboxes = self.runtime.list();
        sandboxes.iter().filter_map(|sandbox| self.get(sandbox.id())).collect()
    }

    /// All live machines that `tenant` may see.
    pub(crate) fn all_of(&self, tenant: Tenant) -> Vec<Arc<Machine>> {
        let mine = |machine: &Arc<Machine>| machine.owner.is_none_or(|owner| owner == tenant);
        self.all().into_iter().filter(mine).collect()
    }

    fn enter(&self, sandbox: Sandbox, made: Option<Made>) -> Arc<Machine> {
        let mut known = self.known.lock();
        if let Some(machine) = known.get(sandbox.id()) {
            return machine.clone();
        }
        let logs = Logs::new(sandbox.charge(0));
        logs.add(Level::Info, "sandbox", "sandbox started", &[("template", sandbox.template())]);
        let ingress = made.as_ref().map(|made| made.ingress.clone()).unwrap_or_default();
        let machine = Arc::new(Machine {
            template: made
                .as_ref()
                .map_or_else(|| sandbox.template().into(), |made| made.template.clone()),
            token: Secret::random(),
            traffic_token: (!ingress.public).then(Secret::random),
            ingress,
            processes: Registry::new(logs.clone()),
            watchers: Watchers::default(),
            metrics: Metrics::start(sandbox.clone()),
            logs,
            gone: CancellationToken::new(),
            owner: made.map(|made| made.owner),
            sandbox: sandbox.clone(),
        });
        known.insert(sandbox.id().to_owned(), machine.clone());
        drop(known);
        tokio::spawn(listeners::tell(Arc::downgrade(&machine), self.domain.clone()));
        let (known, gone, ended) = (self.known.clone(), machine.gone.clone(), sandbox.ended());
        tokio::spawn(async move {
            ended.await;
            gone.cancel();
            known.lock().remove(sandbox.id());
        });
        machine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::teams::ApiKeys;
    use crate::{Config, Egress};

    fn machines(data: &tempfile::TempDir) -> Machines {
        let config = Config { data_dir: data.path().to_owned(), ..Config::default() };
        let domain = Domain::new("sb.test").unwrap();
        Machines::new(Runtime::without_programs(config).unwrap(), domain)
    }

    fn config() -> SandboxConfig {
        SandboxConfig::new("base", Egress::deny_all())
    }

    #[tokio::test]
    async fn nobody_finds_a_sandbox_before_its_owner_is_known() {
        let data = tempfile::tempdir().unwrap();
        let machines = machines(&data);
        let announced = |sandbox: &Sandbox| {
            assert!(machines.get(sandbox.id()).is_none());
            assert!(machines.all().is_empty());
        };
        let sandbox = machines.runtime().create_with(config(), announced).unwrap();
        assert!(machines.get(sandbox.id()).is_some());
        machines.runtime().shut_down().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn another_tenant_never_sees_it_however_often_it_looks() {
        let data = tempfile::tempdir().unwrap();
        let machines = machines(&data);
        let keys = ApiKeys::new(["one".into(), "two".into()], None);
        let tenant = |key| keys.caller(key).unwrap().tenant;
        let (owner, other) = (tenant(b"one"), tenant(b"two"));
        let done = CancellationToken::new();
        let looking = {
            let (machines, done) = (machines.clone(), done.clone());
            std::thread::spawn(move || {
                while !done.is_cancelled() {
                    assert!(machines.all().iter().all(|machine| machine.owner.is_some()));
                    assert!(machines.all_of(other).is_empty());
                }
            })
        };
        for _ in 0..20 {
            let ingress = Ingress { public: false, ..Ingress::default() };
            let made = Made { owner, template: "mine".into(), ingress };
            let machine = machines.create(config(), made).unwrap();
            let id = machine.sandbox.id();
            assert!(machines.of(other, id).is_none());
            let seen = machines.of(owner, id).unwrap();
            assert!(seen.template == "mine" && seen.traffic_token.is_some());
        }
        done.cancel();
        looking.join().unwrap();
        machines.runtime().shut_down().await;
    }
}
