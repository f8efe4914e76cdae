//! What a scrape shows.

mod busiest;
mod escaping;
mod example;
mod monotonic;
mod negotiation;
mod page;
mod route;
mod samples;
mod scene;
mod table;
