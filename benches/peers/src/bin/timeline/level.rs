//! The level of a stream over time, first with a producer faster than the sink,
//! then with a slower one.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use highwater::{Event, Flow, Writable};
use highwater_peers::Failure;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const KIB: usize = 1024;
const HIGH: usize = 64 * KIB;
const LOW: usize = 16 * KIB;
/// How many pieces of 1 KiB, and how long the producer takes for each.
const PARTS: [(u32, Duration); 2] = [
    (448, Duration::from_micros(25)),
    (96, Duration::from_micros(160)),
];
/// How long the sink takes for 1 KiB.
const SINK: Duration = Duration::from_micros(75);
/// The most that the sink takes in one call.
const MOST: usize = 8 * KIB;
const SAMPLES: Duration = Duration::from_micros(50);

/// What was seen, in milliseconds and KiB.
pub(super) struct Seen {
    /// When, and the length then.
    levels: Vec<(f64, f64)>,
    /// From when to when the producer waited.
    waits: Vec<(f64, f64)>,
    drains: Vec<f64>,
    /// When the producer became slow.
    slow: f64,
}

struct Device;

impl Write for Device {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(MOST);
        thread::sleep(SINK.mul_f64(taken as f64 / KIB as f64));
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn measure() -> Result<Seen, Failure> {
    let start = Instant::now();
    let now = move || start.elapsed().as_secs_f64() * 1000.0;
    let drains = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&drains);
    let mut out = Writable::builder()
        .high_water_mark(HIGH as u64)
        .low_water_mark(LOW as u64)
        .observer(move |event| {
            if matches!(event, Event::Drain) {
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                told.push(now());
            }
        })
        .spawn(Device)?;

    let ended = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&ended);
    let writer = out.writer();
    let sample = move || (now(), writer.snapshot().length as f64 / KIB as f64);
    let sample_too = sample.clone();
    let sampler = thread::spawn(move || {
        let mut levels = Vec::new();
        while !until.load(Ordering::Relaxed) {
            levels.push(sample_too());
            thread::sleep(SAMPLES);
        }
        levels
    });

    let mut waits = Vec::new();
    let mut levels = Vec::new();
    let mut slow = 0.0;
    for (pieces, pace) in PARTS {
        slow = now();
        for _ in 0..pieces {
            let next = Instant::now() + pace;
            let flow = out.write([b'x'; KIB])?;
            levels.push(sample());
            if flow == Flow::Wait {
                let from = now();
                out.drained().wait()?;
                waits.push((from, now()));
            }
            while Instant::now() < next {
                std::hint::spin_loop();
            }
        }
    }
    out.end().wait()?;
    ended.store(true, Ordering::Relaxed);
    levels.extend(sampler.join().map_err(|_| "the sampler panicked")?);
    levels.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut drains = drains.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Seen {
        levels,
        waits,
        drains: std::mem::take(&mut drains),
        slow,
    })
}

const WAITING: RGBColor = RGBColor(214, 69, 65);
const LEVEL: RGBColor = RGBColor(38, 103, 178);
const DRAIN: RGBColor = RGBColor(24, 138, 73);
const WIDTH: u32 = 960;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub(super) fn draw(seen: &Seen, path: &Path) -> Result<(), Failure> {
    let root = SVGBackend::new(path, (WIDTH, 480)).into_drawing_area();
    root.fill(&WHITE)?;
    let (head, body) = root.split_vertically(90);
    draw_legend(&head)?;
    draw_level(seen, &body)?;
    root.present()?;
    Ok(())
}

fn draw_legend(head: &Area<'_>) -> Result<(), Failure> {
    let font = ("sans-serif", 14).into_text_style(head);
    let middle = |h| Pos::new(h, VPos::Center);
    let title = "A stream with a slow sink: level, high-water mark 64 KiB, low-water mark 16 KiB";
    let place = (i32::try_from(WIDTH)? / 2, 22);
    let style = ("sans-serif", 19).into_text_style(head);
    head.draw(&Text::new(title, place, style.pos(middle(HPos::Center))))?;
    let line =
        |x, y, color: RGBColor| PathElement::new([(x, y), (x + 24, y)], color.stroke_width(3));
    let band = |x, y| Rectangle::new([(x, y - 6), (x + 24, y + 6)], WAITING.mix(0.25).filled());
    let (top, bottom) = (52, 76);
    head.draw(&line(72, top, LEVEL))?;
    head.draw(&band(72, bottom))?;
    head.draw(&line(372, top, WAITING))?;
    head.draw(&Circle::new((384, bottom), 4, WAITING.filled()))?;
    head.draw(&line(652, top, DRAIN))?;
    head.draw(&TriangleMarker::new((664, bottom), 6, DRAIN.filled()))?;
    for (x, y, text) in [
        (104, top, "level: accepted, not yet written"),
        (104, bottom, "the producer waits for 'drain'"),
        (404, top, "high-water mark"),
        (404, bottom, "write() answers: wait"),
        (684, top, "low-water mark"),
        (684, bottom, "the stream emits 'drain'"),
    ] {
        let style = font.pos(middle(HPos::Left));
        head.draw(&Text::new(text, (x, y), style))?;
    }
    Ok(())
}

fn draw_level(seen: &Seen, body: &Area<'_>) -> Result<(), Failure> {
    let (high, low) = ((HIGH / KIB) as f64, (LOW / KIB) as f64);
    let end = seen.levels.last().map_or(1.0, |(time, _)| *time);
    let mut chart = ChartBuilder::on(body)
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..end, 0.0..high * 1.25)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_desc("milliseconds since the start")
        .y_desc("KiB in the stream")
        .x_label_formatter(&|time| format!("{time:.0}"))
        .y_label_formatter(&|level| format!("{level:.0}"))
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 15))
        .draw()?;

    let band = |&(from, to): &(f64, f64)| {
        Rectangle::new([(from, 0.0), (to, high)], WAITING.mix(0.13).filled())
    };
    chart.draw_series(seen.waits.iter().map(band))?;
    let area = AreaSeries::new(seen.levels.iter().copied(), 0.0, LEVEL.mix(0.22));
    chart.draw_series(area.border_style(LEVEL.stroke_width(1)))?;
    for (mark, color) in [(high, WAITING), (low, DRAIN)] {
        let line = [(0.0, mark), (end, mark)];
        chart.draw_series(DashedLineSeries::new(line, 7, 5, color.stroke_width(2)))?;
    }
    let told = |&(from, _): &(f64, f64)| Circle::new((from, high), 4, WAITING.filled());
    chart.draw_series(seen.waits.iter().map(told))?;
    let drain = |&time: &f64| TriangleMarker::new((time, low), 6, DRAIN.filled());
    chart.draw_series(seen.drains.iter().map(drain))?;

    for (from, to, text) in [
        (0.0, seen.slow, "a producer faster than the sink"),
        (seen.slow, end, "a slower one"),
    ] {
        let style = ("sans-serif", 14).into_text_style(body);
        let style = style.pos(Pos::new(HPos::Center, VPos::Center));
        chart.draw_series([Text::new(text, ((from + to) / 2.0, high * 1.14), style)])?;
        let side = [(to, 0.0), (to, high * 1.25)];
        chart.draw_series([PathElement::new(side, BLACK.mix(0.35))])?;
    }
    Ok(())
}
