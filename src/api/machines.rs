//! What the API knows about a sandbox beyond the sandbox itself: its tokens, its owner, the processes that were started over
//! envd. An entry lives as long as its sandbox and is dropped with it; nothing here is written to disk.

use super::envd::registry::Registry;
use super::keys::{Secret, Tenant};
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
    /// `E2b-Traffic-Access-Token`, when its ports are not public.
    pub(crate) traffic_token: Option<Secret>,
    /// Processes started over envd.
    pub(crate) processes: Registry,
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
    /// Whether its ports answer to everybody.
    pub(crate) public: bool,
}

/// All machines of the server.
#[derive(Clone)]
pub(crate) struct Machines {
    runtime: Runtime,
    known: Arc<Mutex<HashMap<String, Arc<Machine>>>>,
}

impl Machines {
    /// The machines of `runtime`.
    pub(crate) fn new(runtime: Runtime) -> Self {
        Self { runtime, known: Arc::default() }
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
        let public = made.as_ref().is_none_or(|made| made.public);
        let machine = Arc::new(Machine {
            template: made
                .as_ref()
                .map_or_else(|| sandbox.template().into(), |made| made.template.clone()),
            token: Secret::random(),
            traffic_token: (!public).then(Secret::random),
            processes: Registry::default(),
            gone: CancellationToken::new(),
            owner: made.map(|made| made.owner),
            sandbox: sandbox.clone(),
        });
        known.insert(sandbox.id().to_owned(), machine.clone());
        drop(known);
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
    use crate::api::keys::ApiKeys;
    use crate::{Config, Egress};

    fn machines(data: &tempfile::TempDir) -> Machines {
        let config = Config { data_dir: data.path().to_owned(), ..Config::default() };
        Machines::new(Runtime::without_programs(config).unwrap())
    }

    fn config() -> SandboxConfig {
        SandboxConfig::new("base", Egress::Denied)
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
        let keys = ApiKeys::new(["one".into(), "two".into()]);
        let (owner, other) = (keys.tenant(b"one").unwrap(), keys.tenant(b"two").unwrap());
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
            let made = Made { owner, template: "mine".into(), public: false };
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
