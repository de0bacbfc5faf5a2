//! What comes with the programs: units, installation, packages, manual pages, completions, the guides and their commands.

mod blocks;
mod book;
mod boot;
mod container;
mod debian;
mod guides;
mod install;
mod machine;
mod readiness;
mod units;
mod walk;
