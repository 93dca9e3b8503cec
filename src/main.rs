//! The binary `airlock`. Everything is in the library; this only gives it the process.

fn main() -> std::process::ExitCode {
    airlock::cli::main()
}
