//! Plays the conformance kit in QuickJS: `highwater-quickjs [--strict] FILE...`
//!
//! `world.rs` is the runtime's side of the driver, `writable.js` the class on top of it. The
//! player of the kit is `../../kit/play.js`, unchanged. The exit status is 1 if a trace
//! differs, and 2 if a file cannot be read.

mod world;

use std::fs::read_to_string;
use std::process::ExitCode;

use rquickjs::{CatchResultExt, Context, Ctx, Function, Runtime};
use world::World;

const SCRIPTS: [&str; 2] = [
    include_str!("../../kit/play.js"),
    include_str!("writable.js"),
];

fn main() -> ExitCode {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    let strict = files.first().is_some_and(|first| first == "--strict");
    files.drain(..usize::from(strict));
    match run(strict, &files) {
        Ok((all, different)) => {
            println!("QuickJS: {different} of {all} scenarios differ");
            ExitCode::from(u8::from(different > 0))
        }
        Err(error) => {
            eprintln!("highwater-quickjs: {error}");
            ExitCode::from(2)
        }
    }
}

/// Plays the files. Returns how many scenarios there were, and how many differed.
fn run(strict: bool, files: &[String]) -> Result<(usize, u32), String> {
    if files.is_empty() {
        return Err("usage: highwater-quickjs [--strict] FILE...".into());
    }
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let mut counts = (0, 0);
    for file in files {
        let text = read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        let context = Context::full(&runtime).map_err(|error| error.to_string())?;
        let different = context.with(|ctx| {
            let played = play(&ctx, strict, &text).catch(&ctx);
            played.map_err(|error| format!("{file}: {error}"))
        })?;
        counts = (counts.0 + text.lines().count(), counts.1 + different);
    }
    Ok(counts)
}

/// Plays each line of a file. Returns how many differ.
fn play<'js>(ctx: &Ctx<'js>, strict: bool, text: &str) -> rquickjs::Result<u32> {
    let world = World::install(ctx)?;
    ctx.globals().set("strict", strict)?;
    let played = (|| {
        SCRIPTS.iter().try_for_each(|script| ctx.eval(*script))?;
        let mut different = 0;
        for line in text.lines() {
            ctx.eval::<Function<'js>, _>("start")?
                .call::<_, ()>((line,))?;
            world.run()?;
            let difference: Option<String> = ctx.eval("result()")?;
            if let Some(difference) = difference {
                different += 1;
                if different <= 3 {
                    println!("{difference}\n  {line}");
                }
            }
            world.forget_streams();
        }
        Ok(different)
    })();
    world.clear(); // it holds functions, and functions hold it
    played
}
