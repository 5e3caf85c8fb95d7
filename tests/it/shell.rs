//! The shell behaves as a shell: each script of `tests/shell/` is run in a sandbox and by the bash of
//! this machine, and must print the same on both streams and end the same. Each is a test here.
//!
//! What a script may be is in CONTRIBUTING.md.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::run::run;
use crate::sdk;
use crate::server::{Server, isolet};
use crate::twin::{self, Outcome, Script};

const BOUND: Duration = Duration::from_secs(1800);

/// Scripts that are also run through the SDK: what reaches a program differently there is its start, its
/// streams and its end, of which these have every kind.
const THROUGH_THE_SDK: &[&str] = &[
    "exit_codes",
    "here_documents",
    "pipe_into_while",
    "processes",
    "stdout_and_stderr",
    "text_tools",
    "traps_and_signals",
    "variables_and_functions",
];

/// How `script` differs from what it does on this machine, if it does; `actual` is what it did in a sandbox.
fn difference(script: &Script, actual: Result<Outcome, String>) -> Option<String> {
    let difference = match (actual, twin::on_this_machine(script)) {
        (Err(printed), _) => format!("hung in the sandbox, having printed\n{printed}"),
        (_, Err(printed)) => format!("hung on this machine, having printed\n{printed}"),
        (Ok(actual), Ok(expected)) if actual == expected => return None,
        (Ok(actual), Ok(expected)) => twin::difference(&actual, &expected),
    };
    Some(format!("== {}: {difference}", script.name))
}

/// One script by `isolet run`, on its own: its exit code and both streams are handed through.
#[track_caller]
fn runs_as_here(name: &str) {
    twin::prepare();
    let script = twin::script(name);
    let mut command = isolet();
    command.args(["run", "--image", &script.image, "--user", &script.user, "--"]);
    let actual = twin::outcome(command.args(["/bin/bash", "-c", &script.text]));
    if let Some(difference) = difference(&script, actual) {
        panic!("{difference}");
    }
}

macro_rules! scripts {
    ($($name:ident)*) => {
        mod script {
            $(
                #[test]
                fn $name() {
                    super::runs_as_here(stringify!($name));
                }
            )*
        }

        #[test]
        fn every_script_is_a_test() {
            assert_eq!(twin::names(), [$(stringify!($name)),*]);
        }
    };
}

scripts! {
    accounts accounts_as_user arrays awk_arrays awk_fields awk_getline_pipes awk_library
    awk_printf awk_programs awk_regex awk_reports background_and_wait background_servers
    base_encodings bash_arrays bash_conditional_expressions bash_declare_and_attributes
    bash_exit_codes bash_exit_codes_of_subshells bash_jobs bash_limits_umask_times bash_options
    bash_parameter_expansion bash_printf_and_echo bash_process_substitution
    bash_read_and_getopts bash_source_eval_exec bash_startup_files bash_variables bc_and_dc
    ca_certificates ca_certificates_update cat_tac_nl_wc checksums chmod chown_as_root
    chown_as_user clear_and_tabs column_and_friends command_substitution compression_across
    compression_bzip2 compression_gzip compression_xz compression_zstd cp curl_errors curl_file
    curl_http curl_http2 curl_https cut dash_only date_formats date_parsing dd_and_truncate
    diff3_sdiff diff_formats diff_options du_and_df ed_scripts env_and_friends envsubst
    etc_files exit_codes file_kinds files files_in_depth find_compare find_errors find_exec
    find_printf find_tests find_trees flock_getopt_setsid free_and_uptime getconf_and_locale
    getent_databases git_archive git_bisect git_branches git_conflict git_daemon git_diff
    git_errors git_first_steps git_grep git_hooks git_http git_https git_log git_patches
    git_rebase git_remote git_stash git_submodule git_tags git_undo git_worktree globs
    grep_expressions grep_files grep_options head_and_tail here_documents hostnames
    iconv_encodings install job_control_in_scripts join_and_comm jq_filters jq_options
    jq_pipelines kill_program less_as_filter limits_enforced ln_and_readlink login_profile
    ls_errors ls_layouts ls_long ls_order ls_quoting m4_macros make_jobs make_project make_rules
    make_variables mounts mv netcat numbers_and_bases od openssl_digests openssl_enc openssl_tls
    openssl_x509 paste_and_columns patch_apply patch_git_and_many permissions_chown
    permissions_directories permissions_exec permissions_files permissions_groups
    permissions_links permissions_processes permissions_setgid_directories permissions_sticky
    permissions_umask pgrep_patterns pipe_into_while pkill_signals pr proc_files proc_names
    proc_net_backlog proc_of_a_process proc_of_the_system processes ps_columns ps_errors
    ps_layouts ps_select psmisc_tools python_starts regular_expressions rm_rmdir_mkdir run_parts
    scheduling scheduling_of_other_processes sed_commands sed_files_and_errors seq_factor_numfmt
    sh_arithmetic sh_case_and_globs sh_errexit sh_functions sh_grammar sh_here_documents
    sh_parameter_expansion sh_quoting sh_redirections sh_traps signals_while_computing
    socket_addresses socket_connecting socket_ends socket_options sort_files sort_keys
    sort_orders splice_between_descriptors split_and_csplit sqlite3_errors sqlite3_processes
    sqlite3_queries sqlite3_shell ss_listeners stat_formats stdbuf stdout_and_stderr
    su_from_root sudo_commands sudo_environment sudo_login_shell sudo_rules sudo_signals
    sysctl_and_pwdx tail_follows tar_attributes tar_compression tar_create_extract
    tar_incremental_and_pipes terminfo_sources text_pipelines text_tools time_zones
    timers_of_cpu_time top_batch touch tput_capabilities tr traps_and_signals tree_listing
    tsort_ptx_tty_uname uniq variables_and_functions vim_ex_commands vim_scripts wget_https
    which wild_csv_report wild_disk_report wild_dotenv wild_duplicates wild_find_and_replace
    wild_git_history wild_http_server wild_json_config wild_log_report wild_makefile
    wild_parallel_jobs wild_pidfile_and_lock wild_project_tree wild_release wild_sqlite_import
    wild_tar_backup wild_template wild_todo_program wild_wait_and_retry wild_word_count
    xargs_and_find_with_core xargs_exit_codes xargs_options xargs_parallel xargs_with_find
    xxd_dumps zip_unzip
}

#[test]
fn scripts_run_as_on_this_machine_through_the_sdk() {
    twin::prepare();
    let mut program = Server::shared().with_plain_http(sdk::python_program("shell.py"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shell");
    let files = THROUGH_THE_SDK.iter().map(|name| folder.join(name).with_extension("sh"));
    let printed = run(program.args(files), BOUND).success();
    let outcomes: Value = serde_json::from_str(&printed).expect("JSON");
    let differences = THROUGH_THE_SDK.iter().filter_map(|name| {
        let outcome = &outcomes[name];
        let field = |index: usize| outcome[index].as_str().unwrap_or("missing").to_owned();
        let code = outcome[0].as_i64().and_then(|code| i32::try_from(code).ok());
        let actual = Outcome { code, stdout: field(1), stderr: field(2) };
        difference(&twin::script(name), Ok(actual))
    });
    let differences: Vec<String> = differences.collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn bash_and_sh_are_two_real_shells() {
    let shell = |arguments: &[&str]| {
        let mut command = isolet();
        run(command.args(["run", "--"]).args(arguments), BOUND).success()
    };
    let version = shell(&["bash", "-c", "echo $BASH_VERSION"]);
    assert!(version.starts_with("5."), "{version}");
    assert_eq!(shell(&["sh", "-c", "echo [$BASH_VERSION]"]), "[]\n");
    let sums = "for f in bash sh; do sha256sum < /bin/$f; done | sort -u | wc -l";
    assert_eq!(shell(&["bash", "-c", sums]), "2\n");
    let login = shell(&["bash", "-l", "-c", "shopt -q login_shell && echo $PATH"]);
    assert!(login.contains("/usr/bin"), "{login}");
}
