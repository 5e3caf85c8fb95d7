//! The whole surface of one sandbox by the official SDKs, an area a program: each case of `tests/sdk/js/filesystem.mjs`,
//! `tests/sdk/python/filesystem.py` and so on is a test here, in a sandbox of its own on the shared server; by the newest SDKs and
//! by the oldest ones that are promised.

use std::process::Command;
use std::time::Duration;

use crate::run::run;
use crate::sdk;
use crate::server::Server;

/// One case: some dozen requests on a busy machine; an upload that fills a disk in a debug build.
const BOUND: Duration = Duration::from_secs(1800);

#[track_caller]
fn case(program: Command, name: &str) {
    let mut program = Server::shared().with_plain_http(program);
    let printed = run(program.arg(name), BOUND).success();
    assert!(printed.ends_with(&format!("ok {name}\n")), "{printed}");
}

/// The cases of a program: methods of `cases` in JavaScript, of two spaces' indent; names in `CASES` in Python.
fn names(source: &str) -> Vec<String> {
    if let Some((_, list)) = source.split_once("\nCASES = [") {
        let list = list.split(']').next().expect("the list ends");
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        return names.map(str::to_owned).collect();
    }
    let methods = source.lines().filter_map(|line| line.strip_prefix("  async "));
    methods.filter_map(|method| method.split('(').next()).map(str::to_owned).collect()
}

macro_rules! programs {
    ($($area:ident $folder:literal $file:literal $program:path { $($name:ident)* })*) => {$(
        mod $area {
            use super::*;
            $(
                #[test]
                fn $name() {
                    case($program($file), stringify!($name));
                }
            )*

            #[test]
            fn every_case_is_a_test() {
                let listed = [$(stringify!($name)),*];
                let source = include_str!(concat!("../sdk/", $folder, "/", $file));
                assert_eq!(names(source), listed);
            }
        }
    )*};
}

programs! {
    filesystem_in_javascript "js" "filesystem.mjs" sdk::js_program {
        write_and_read
        forms_of_uploads
        metadata
        entries
        signed_urls
        watching
    }
    filesystem_in_python "python" "filesystem.py" sdk::python_program {
        write_and_read
        many_files
        compressed
        metadata
        entries
        directories
        disk_full
        signed_urls
        watching
    }
    lifecycle_in_javascript "js" "lifecycle.mjs" sdk::js_program {
        info
        timeouts
        listing
        killed
        expired
        metrics
        not_built
        users
        terminals
    }
    lifecycle_in_python "python" "lifecycle.py" sdk::python_program {
        info
        timeouts
        listing
        variables
        killed
        metrics
        not_built
        terminals
        commands_connect
    }
    sandboxes_in_async_python "python" "surface_async.py" sdk::python_program {
        info
        listing
        metrics
        not_built
        files
        entries
        urls
        pty_connect
    }
    processes_in_async_python "python" "processes.py" sdk::python_program {
        users
        hundred_at_once
        connecting
        deadlines
        streams
        terminals
        watching
    }
    protobuf_in_python "python" "binary.py" sdk::python_program {
        files
        processes
    }
    filesystem_in_javascript_2_45 "js" "filesystem.mjs" sdk::old_js_program {
        write_and_read
        forms_of_uploads
        metadata
        entries
        signed_urls
        watching
    }
    lifecycle_in_javascript_2_45 "js" "lifecycle.mjs" sdk::old_js_program {
        info
        timeouts
        listing
        killed
        expired
        metrics
        not_built
        users
        terminals
    }
    filesystem_in_python_2_45 "python" "filesystem.py" sdk::old_python_program {
        write_and_read
        many_files
        compressed
        metadata
        entries
        directories
        disk_full
        signed_urls
        watching
    }
    lifecycle_in_python_2_45 "python" "lifecycle.py" sdk::old_python_program {
        info
        timeouts
        listing
        variables
        killed
        metrics
        not_built
        terminals
        commands_connect
    }
    sandboxes_in_async_python_2_45 "python" "surface_async.py" sdk::old_python_program {
        info
        listing
        metrics
        not_built
        files
        entries
        urls
        pty_connect
    }
    processes_in_async_python_2_45 "python" "processes.py" sdk::old_python_program {
        users
        hundred_at_once
        connecting
        deadlines
        streams
        terminals
        watching
    }
}
