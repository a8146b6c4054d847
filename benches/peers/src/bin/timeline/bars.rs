//! What a line costs, as bars: highwater, what one would use instead, and the floor.

use std::path::Path;

use highwater_peers::ways::{Kind, Measured, of};
use highwater_peers::{Failure, ratio};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const WIDTH: u32 = 960;
const LEFT: i32 = 350;
const RIGHT: i32 = 800;
const TOP: i32 = 74;
const ROW: i32 = 27;

const GROUPS: [(&str, RGBColor); 5] = [
    ("highwater", RGBColor(38, 103, 178)),
    ("a queue and a thread or task", RGBColor(221, 132, 45)),
    ("one buffer, nothing behind it", RGBColor(94, 158, 110)),
    ("bare hand-over, lines alone", RGBColor(150, 150, 150)),
    ("Node", RGBColor(168, 70, 96)),
];

fn group(kind: Kind) -> usize {
    match kind {
        Kind::HighwaterThread
        | Kind::HighwaterDefault
        | Kind::HighwaterCorks
        | Kind::HighwaterShortCorks
        | Kind::HighwaterFormatted
        | Kind::HighwaterTask
        | Kind::HighwaterRandom
        | Kind::HighwaterRandomDefault
        | Kind::HighwaterRandomLow => 0,
        Kind::Queue | Kind::TaskQueue => 1,
        Kind::Buffer | Kind::Formatted | Kind::Random | Kind::Task => 2,
        Kind::Generating | Kind::Bare => 3,
        Kind::Node => 4,
    }
}

pub(super) fn draw(measured: &[Measured], path: &Path) -> Result<(), Failure> {
    let buffered = of(measured, Kind::Buffer);
    let mut all: Vec<_> = measured
        .iter()
        .map(|way| (way, ratio(&way.nanos, buffered)))
        .collect();
    all.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let most = all.last().map_or(1.0, |(_, ratio)| *ratio);
    let bottom = TOP + ROW * i32::try_from(all.len())?;
    let height = u32::try_from(bottom + 56)?;
    let at = |ratio: f64| LEFT + (ratio / most * f64::from(RIGHT - LEFT)).round() as i32;

    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let text = |size: i32, h: HPos| {
        ("sans-serif", size)
            .into_text_style(&root)
            .pos(Pos::new(h, VPos::Center))
    };
    let center = i32::try_from(WIDTH)? / 2;
    root.draw(&Text::new(
        "Writing short lines into a file in memory, one producer",
        (center, 20),
        text(19, HPos::Center),
    ))?;
    let mut x = 64;
    for (name, color) in GROUPS {
        root.draw(&Rectangle::new([(x, 46), (x + 12, 58)], color.filled()))?;
        root.draw(&Text::new(name, (x + 17, 52), text(13, HPos::Left)))?;
        x += 48 + 6 * i32::try_from(name.len())?;
    }
    let step = 10_f64.powf(most.log10().floor());
    let step = if most / step < 3.0 { step / 2.0 } else { step };
    for line in (0..)
        .map(|n| f64::from(n) * step)
        .take_while(|line| *line <= most)
    {
        let x = at(line);
        let style = BLACK.mix(0.15);
        root.draw(&PathElement::new([(x, TOP), (x, bottom)], style))?;
        let label = format!("{line:.0}");
        root.draw(&Text::new(label, (x, bottom + 12), text(13, HPos::Center)))?;
    }
    root.draw(&Text::new(
        "times BufWriter: the median of the ratios within a round (nanoseconds a line, median)",
        ((LEFT + RIGHT) / 2, bottom + 36),
        text(14, HPos::Center),
    ))?;
    for (row, (way, ratio)) in (0..).zip(&all) {
        let y = TOP + ROW * row + ROW / 2;
        let name = way.name.replace('`', "");
        let (_, color) = GROUPS[group(way.kind)];
        root.draw(&Text::new(name, (LEFT - 8, y), text(14, HPos::Right)))?;
        let bar = [(LEFT, y - 9), (at(*ratio), y + 9)];
        root.draw(&Rectangle::new(bar, color.filled()))?;
        let figure = format!("× {ratio:.2} ({:.0} ns)", way.median());
        root.draw(&Text::new(
            figure,
            (at(*ratio) + 6, y),
            text(13, HPos::Left),
        ))?;
    }
    root.present()?;
    Ok(())
}
