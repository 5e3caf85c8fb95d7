//! Random histories of the process table against a plain list of facts.

use crate::errno::Errno;
use crate::process::signal::Signal;
use crate::process::tree::{Change, ExitStatus, INIT, PID_MAX, State, Tree, WaitOptions, Whom};
use proptest::prelude::*;
use std::collections::BTreeMap;

const PROCESSES_MAX: usize = 12;

#[derive(Clone, Debug)]
enum Step {
    Fork(usize),
    FromInit,
    Exit(usize, bool),
    Wait(usize, u8, usize),
    Group(usize, usize, usize),
    Session(usize),
    Stop(usize),
    Continue(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..PROCESSES_MAX;
    prop_oneof![
        4 => who.clone().prop_map(Step::Fork),
        1 => Just(Step::FromInit),
        3 => (who.clone(), any::<bool>()).prop_map(|(w, r)| Step::Exit(w, r)),
        4 => (who.clone(), 0..3u8, who.clone()).prop_map(|(w, k, o)| Step::Wait(w, k, o)),
        3 => (who.clone(), who.clone(), who.clone()).prop_map(|(c, p, g)| Step::Group(c, p, g)),
        1 => who.clone().prop_map(Step::Session),
        2 => who.clone().prop_map(Step::Stop),
        2 => who.prop_map(Step::Continue),
    ]
}

/// One process as the model knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fact {
    parent: u32,
    pgid: u32,
    sid: u32,
    state: State,
    unreported: bool,
}

#[derive(Default)]
struct Model(BTreeMap<u32, Fact>);

impl Model {
    /// The process that an index means: any, as long as there is one.
    fn pick(&self, index: usize) -> Option<u32> {
        let count = self.0.len();
        (count > 0).then(|| *self.0.keys().nth(index % count).expect("below the count"))
    }

    fn zombie(&self, pid: u32) -> bool {
        matches!(self.0[&pid].state, State::Zombie(_))
    }

    fn orphaned(&self, pgid: u32) -> bool {
        !self.0.values().any(|fact| {
            fact.pgid == pgid
                && !matches!(fact.state, State::Zombie(_))
                && self.0.get(&fact.parent).is_some_and(|p| p.pgid != pgid && p.sid == fact.sid)
        })
    }

    fn set_group(&mut self, caller: u32, pid: u32, pgid: u32) -> Result<(), Errno> {
        let (mine, target) = (self.0[&caller], self.0[&pid]);
        if pid != caller && target.parent != caller {
            return Err(Errno::SRCH);
        }
        let leader = target.sid == pid || target.sid != mine.sid;
        let joins = self.0.values().any(|fact| fact.pgid == pgid && fact.sid == mine.sid);
        if leader || pgid != pid && !joins {
            return Err(Errno::PERM);
        }
        self.0.get_mut(&pid).expect("picked").pgid = pgid;
        Ok(())
    }

    fn exit(&mut self, pid: u32, reap: bool) {
        self.0.get_mut(&pid).expect("picked").state = State::Zombie(ExitStatus::Code(0));
        for fact in self.0.values_mut().filter(|fact| fact.parent == pid) {
            fact.parent = INIT;
        }
        if reap {
            self.0.remove(&pid);
        }
        self.0.retain(|_, fact| fact.parent != INIT || !matches!(fact.state, State::Zombie(_)));
    }

    /// The children a wait may report, or ECHILD.
    fn wait(&self, parent: u32, whom: Whom) -> Result<Vec<(u32, Change)>, Errno> {
        let asked = |(pid, fact): &(&u32, &Fact)| {
            fact.parent == parent
                && match whom {
                    Whom::Any => true,
                    Whom::Pid(wanted) => wanted == **pid,
                    Whom::Group(pgid) => fact.pgid == pgid,
                }
        };
        let children: Vec<_> = self.0.iter().filter(asked).collect();
        if children.is_empty() {
            return Err(Errno::CHILD);
        }
        let news = |(&pid, fact): (&u32, &Fact)| match fact.state {
            State::Zombie(status) => Some((pid, Change::Exited(status))),
            State::Stopped(signal) if fact.unreported => Some((pid, Change::Stopped(signal))),
            State::Running if fact.unreported => Some((pid, Change::Continued)),
            _ => None,
        };
        Ok(children.into_iter().filter_map(news).collect())
    }
}

fn fork(model: &mut Model, tree: &mut Tree<()>, parent: u32) {
    let full = model.0.len() >= PROCESSES_MAX;
    let zombie = parent != INIT && model.zombie(parent);
    match tree.add(parent, |_| ()) {
        Ok((pid, ())) => {
            assert!(!full && !zombie && pid > INIT);
            let (pgid, sid) = model.0.get(&parent).map_or((pid, pid), |fact| (fact.pgid, fact.sid));
            let named = |fact: &Fact| fact.pgid == pid || fact.sid == pid;
            assert!(!model.0.values().any(named), "a new number names no group or session");
            let fact = Fact { parent, pgid, sid, state: State::Running, unreported: false };
            assert_eq!(model.0.insert(pid, fact), None);
        }
        Err(errno) if full => assert_eq!(errno, Errno::AGAIN),
        Err(errno) => assert!(zombie && errno == Errno::SRCH),
    }
}

fn exit(model: &mut Model, tree: &mut Tree<()>, pid: u32, reap: bool) {
    let groups: Vec<u32> = model.0.values().map(|fact| fact.pgid).collect();
    let before: BTreeMap<u32, bool> = groups.iter().map(|&g| (g, model.orphaned(g))).collect();
    let orphans: Vec<u32> =
        model.0.iter().filter(|(_, fact)| fact.parent == pid).map(|(&pid, _)| pid).collect();
    let departed = tree.exit(pid, ExitStatus::Code(0), reap);
    model.exit(pid, reap);
    assert_eq!(departed.orphans, orphans);
    for (pgid, was) in before {
        let stopped = model
            .0
            .values()
            .any(|fact| fact.pgid == pgid && matches!(fact.state, State::Stopped(_)));
        let expected = !was && model.orphaned(pgid) && stopped;
        assert_eq!(departed.orphaned_groups.contains(&pgid), expected, "group {pgid}");
    }
}

fn wait(model: &mut Model, tree: &mut Tree<()>, parent: u32, whom: Whom) {
    let all = WaitOptions::EXITED | WaitOptions::STOPPED | WaitOptions::CONTINUED;
    let expected = model.wait(parent, whom);
    let peeked = tree.wait(parent, whom, all | WaitOptions::NOWAIT);
    let found = tree.wait(parent, whom, all);
    assert_eq!(peeked, found);
    match (found, expected) {
        (Err(errno), Err(expected)) => assert_eq!(errno, expected),
        (Ok(None), Ok(news)) => assert!(news.is_empty(), "{news:?}"),
        (Ok(Some((pid, change, ()))), Ok(news)) => {
            assert!(news.contains(&(pid, change)));
            match change {
                Change::Exited(_) => drop(model.0.remove(&pid)),
                _ => model.0.get_mut(&pid).expect("a child").unreported = false,
            }
        }
        (found, expected) => panic!("{found:?} where {expected:?}"),
    }
}

fn apply(model: &mut Model, tree: &mut Tree<()>, step: &Step) {
    let alive = |model: &Model, index| model.pick(index).filter(|&pid| !model.zombie(pid));
    match *step {
        Step::FromInit => fork(model, tree, INIT),
        Step::Fork(index) => {
            if let Some(parent) = model.pick(index) {
                fork(model, tree, parent);
            }
        }
        Step::Exit(index, reap) => {
            if let Some(pid) = alive(model, index) {
                exit(model, tree, pid, reap);
            }
        }
        Step::Wait(index, kind, other) => {
            let Some(parent) = alive(model, index) else { return };
            let other = model.pick(other).expect("there is one");
            let whom = [Whom::Any, Whom::Pid(other), Whom::Group(other)][usize::from(kind)];
            wait(model, tree, parent, whom);
        }
        Step::Group(caller, pid, pgid) => {
            let Some(caller) = alive(model, caller) else { return };
            let (pid, pgid) = (model.pick(pid).expect("one"), model.pick(pgid).expect("one"));
            let set = tree.set_group(caller, pid, pgid).map(drop);
            assert_eq!(set, model.set_group(caller, pid, pgid));
        }
        Step::Session(index) => {
            let Some(pid) = alive(model, index) else { return };
            let leads = model.0.values().any(|fact| fact.pgid == pid);
            assert_eq!(tree.new_session(pid).is_err(), leads);
            if !leads {
                let fact = model.0.get_mut(&pid).expect("picked");
                (fact.pgid, fact.sid) = (pid, pid);
            }
        }
        Step::Stop(index) => {
            let Some(pid) = alive(model, index) else { return };
            tree.stopped(pid, Signal::STOP);
            let fact = model.0.get_mut(&pid).expect("picked");
            (fact.state, fact.unreported) = (State::Stopped(Signal::STOP), true);
        }
        Step::Continue(index) => {
            let Some(pid) = alive(model, index) else { return };
            tree.continued(pid);
            let fact = model.0.get_mut(&pid).expect("picked");
            if matches!(fact.state, State::Stopped(_)) {
                (fact.state, fact.unreported) = (State::Running, true);
            }
        }
    }
}

fn check(model: &Model, tree: &Tree<()>) {
    assert!(tree.pids().eq(model.0.keys().copied()));
    assert_eq!(tree.thread_count(), model.0.len());
    for (&pid, fact) in &model.0 {
        assert_eq!(tree.parent(pid), fact.parent);
        assert_eq!((tree.pgid(pid), tree.sid(pid)), (Some(fact.pgid), Some(fact.sid)));
        assert_eq!(tree.state(pid), Some(fact.state));
        assert_eq!(tree.is_orphaned(fact.pgid), model.orphaned(fact.pgid));
        let children: Vec<u32> =
            model.0.iter().filter(|(_, child)| child.parent == pid).map(|(&pid, _)| pid).collect();
        assert_eq!(tree.children(pid), children);
    }
}

proptest! {
    #[test]
    fn the_table_is_what_happened(steps in prop::collection::vec(step(), 1..120)) {
        let mut model = Model::default();
        let mut tree = Tree::new(PROCESSES_MAX, 4 * PROCESSES_MAX);
        fork(&mut model, &mut tree, INIT);
        for step in &steps {
            apply(&mut model, &mut tree, step);
            check(&model, &tree);
        }
    }
}

#[test]
fn numbers_come_round_without_meeting_live_ones() {
    let mut tree: Tree<()> = Tree::new(4, 8);
    let (keeper, ()) = tree.add(INIT, |_| ()).expect("room");
    let (group, ()) = tree.add(keeper, |_| ()).expect("room");
    tree.set_group(keeper, group, 0).expect("its child");
    let (member, ()) = tree.add(group, |_| ()).expect("room");
    // The group lives on in its member when its leader is gone.
    tree.exit(group, ExitStatus::Code(0), true);
    tree.set_next(PID_MAX - 1_000);
    for _ in 0..2_000 {
        let (pid, ()) = tree.add(INIT, |_| ()).expect("room");
        assert!(![INIT, keeper, group, member].contains(&pid) && pid < PID_MAX);
        tree.exit(pid, ExitStatus::Code(0), false);
    }
}
