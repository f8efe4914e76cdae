//! `top`: the heaviest rows of a collector.

use std::path::Path;
use std::slice;

use super::listing::Listing;
use super::{Ended, choose_one, complain_of_damage};
use crate::args::TopArgs;
use crate::outcome::Outcome;

pub(super) fn run(directory: &Path, args: &TopArgs) -> Ended {
    let found = choose_one(directory, args.collector.as_deref())?;
    let listing = Listing::new(&found, args.by).heaviest(args.rank, args.count);
    let outcome = Outcome::of_report(|out| listing.write(args.format, out));
    Ok(outcome.max(complain_of_damage(slice::from_ref(&found))))
}
