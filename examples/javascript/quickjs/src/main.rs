//! Plays the conformance kit in QuickJS: `highwater-quickjs [--strict] FILE...`
//!
//! `world.rs` is the runtime's side of the driver, `writable.js` the class on top of it. The
//! player of the kit is `../../kit/play.js`, unchanged. The exit status is 1 if a trace
//! differs, and 2 if a file cannot be read.

mod world;

use std::process::ExitCode;
use std::rc::Rc;

use rquickjs::{CatchResultExt, Context, Ctx, Function, Runtime};
use world::World;

const PLAYER: &str = include_str!("../../kit/play.js");
const WRITABLE: &str = include_str!("writable.js");

/// How many scenarios there were, and how many differed.
#[derive(Default)]
struct Counts {
    all: u32,
    different: u32,
}

fn main() -> ExitCode {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    let strict = files.first().is_some_and(|first| first == "--strict");
    if strict {
        files.remove(0);
    }
    match run(strict, &files) {
        Ok(counts) => {
            println!(
                "QuickJS: {} of {} scenarios differ",
                counts.different, counts.all
            );
            ExitCode::from(u8::from(counts.different > 0))
        }
        Err(error) => {
            eprintln!("highwater-quickjs: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(strict: bool, files: &[String]) -> Result<Counts, String> {
    if files.is_empty() {
        return Err("usage: highwater-quickjs [--strict] FILE...".into());
    }
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let mut counts = Counts::default();
    for file in files {
        let context = Context::full(&runtime).map_err(|error| error.to_string())?;
        let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        context.with(|ctx| {
            let world = World::new();
            let played = play(&ctx, &world, strict, &text, &mut counts);
            world.clear(); // it holds functions, and functions hold it
            played
                .catch(&ctx)
                .map_err(|error| format!("{file}: {error}"))
        })?;
    }
    Ok(counts)
}

/// Plays each line of a file.
fn play<'js>(
    ctx: &Ctx<'js>,
    world: &Rc<World<'js>>,
    strict: bool,
    text: &str,
    counts: &mut Counts,
) -> rquickjs::Result<()> {
    world.install(ctx)?;
    ctx.eval::<(), _>(PLAYER)?;
    ctx.eval::<(), _>(WRITABLE)?;
    ctx.globals().set("strict", strict)?;
    let start: Function<'js> = ctx.eval("start")?;
    let result: Function<'js> = ctx.eval("result")?;
    for line in text.lines() {
        start.call::<_, ()>((line,))?;
        world.run()?;
        counts.all += 1;
        let difference: Option<String> = result.call(())?;
        if let Some(difference) = difference {
            counts.different += 1;
            if counts.different <= 3 {
                println!("{difference}\n  {}", line.get(..300).unwrap_or(line));
            }
        }
        world.forget_streams();
    }
    Ok(())
}
