//! The geometry of `spec/phases.svg`, read from its text, and what is wrong with it.

/// How wide a character of a text is at most on average, in parts of the font size. The
/// texts are narrower in DejaVu Sans, one of the widest fonts that browsers use.
const WIDE: f64 = 0.7;

/// A label is at least so far from every arrow: half of the widest arrowhead.
const CLEAR: f64 = 5.5;
/// A label is at most so far from its own arrow,
const BESIDE: f64 = 10.0;
/// and at least so far from the others.
const OTHERS: f64 = 15.0;
/// A label is at least so far from borders and from the other labels.
const APART: f64 = 2.0;

/// A point: x and y.
type Point = (f64, f64);

#[derive(Clone, Debug)]
pub struct Rect {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Rect {
    /// How far a point is from the inside.
    fn distance(&self, (x, y): Point) -> f64 {
        let aside = (self.left - x).max(x - self.right).max(0.0);
        let above = (self.top - y).max(y - self.bottom).max(0.0);
        aside.hypot(above)
    }

    /// How far this is from the nearest of these points.
    fn nearest(&self, points: &[Point]) -> f64 {
        let all = points.iter().map(|point| self.distance(*point));
        all.fold(f64::INFINITY, f64::min)
    }

    fn grown(&self, by: f64) -> Self {
        Self {
            left: self.left - by,
            top: self.top - by,
            right: self.right + by,
            bottom: self.bottom + by,
        }
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    fn meets(&self, other: &Self) -> bool {
        let beside = self.right <= other.left || other.right <= self.left;
        let above = self.bottom <= other.top || other.bottom <= self.top;
        !beside && !above
    }

    fn holds(&self, other: &Self) -> bool {
        let across = self.left <= other.left && other.right <= self.right;
        across && self.top <= other.top && other.bottom <= self.bottom
    }

    fn on_border(&self, point: Point) -> bool {
        let inside = self.grown(-0.1).distance(point) == 0.0;
        self.distance(point) == 0.0 && !inside
    }

    /// The same, with its middle elsewhere.
    pub fn moved(&self, (x, y): Point) -> Self {
        let (wide, high) = self.size();
        Self {
            left: x - wide / 2.0,
            top: y - high / 2.0,
            right: x + wide / 2.0,
            bottom: y + high / 2.0,
        }
    }

    pub fn size(&self) -> Point {
        (self.right - self.left, self.bottom - self.top)
    }

    pub fn middle(&self) -> Point {
        let middle = |from, to| f64::midpoint(from, to);
        (middle(self.left, self.right), middle(self.top, self.bottom))
    }
}

/// A label with all its lines: the arrow that it belongs to, its text, its place.
/// A note belongs to no arrow.
#[derive(Clone, Debug)]
pub struct Label {
    pub of: String,
    pub text: String,
    pub place: Rect,
}

/// An arrow: its name, such as `opening-corked`, and points on it that are at most
/// one unit apart.
#[derive(Clone, Debug)]
pub struct Arrow {
    pub name: String,
    pub points: Vec<Point>,
}

/// What a picture has, in units of its view box.
#[derive(Clone, Debug, Default)]
pub struct Drawing {
    /// The frame is one of them. The page is the first.
    pub boxes: Vec<(String, Rect)>,
    pub arrows: Vec<Arrow>,
    pub labels: Vec<Label>,
    /// Names of phases, each with its own box.
    names: Vec<Label>,
}

impl Drawing {
    /// Reads a picture that the generator has written: one element in a line.
    pub fn read(svg: &str) -> Result<Self, String> {
        let mut drawing = Self::default();
        let (_, after) = svg.split_once("</defs>\n").ok_or("no end of the defs")?;
        let mut group = "";
        for line in after.lines() {
            let wrong = || format!("cannot read {line}");
            match line.split([' ', '>']).next().unwrap_or_default() {
                "<g" => group = attribute(line, "id").ok_or_else(wrong)?,
                "</g" => group = "",
                "<circle" | "</svg" => {}
                "<rect" => drawing.boxes.push(rect(line).ok_or_else(wrong)?),
                "<path" => drawing.arrows.push(Arrow {
                    name: group.to_owned(),
                    points: attribute(line, "d").and_then(points).ok_or_else(wrong)?,
                }),
                "<text" => {
                    let (class, label) = label(svg, line, group).ok_or_else(wrong)?;
                    match class {
                        "name" => drawing.names.push(label),
                        _ => drawing.add(label)?,
                    }
                }
                _ => return Err(wrong()),
            }
        }
        Ok(drawing)
    }

    /// Adds a label, or a further line of the last one.
    fn add(&mut self, line: Label) -> Result<(), String> {
        match self.labels.last_mut() {
            Some(label) if label.of == line.of => {
                let below = line.place.top - label.place.bottom;
                if !(0.0..=5.0).contains(&below) {
                    return Err(format!("{} is not just below {}", line.text, label.text));
                }
                label.place = label.place.and(&line.place);
                label.text = format!("{} {}", label.text, line.text);
            }
            _ => self.labels.push(line),
        }
        Ok(())
    }

    /// What is wrong: nothing, if every label stands free beside its own arrow, every
    /// name in its box, and every arrow leads from box to box without touching others.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = self.label_complaints();
        for name in &self.names {
            let own = self.boxes.iter().find(|(of, _)| *of == name.text);
            if !own.is_some_and(|(_, own)| own.holds(&name.place.grown(APART))) {
                complaints.push(format!("{} is not in its box", name.text));
            }
        }
        complaints.extend(self.arrows.iter().flat_map(|arrow| self.leads(arrow)));
        complaints
    }

    /// What is wrong with the labels.
    pub fn label_complaints(&self) -> Vec<String> {
        let mut complaints: Vec<_> = self.labels.iter().flat_map(|it| self.stands(it)).collect();
        for (number, label) in self.labels.iter().enumerate() {
            let place = label.place.grown(APART / 2.0);
            for other in self.labels.iter().skip(number + 1) {
                if place.meets(&other.place.grown(APART / 2.0)) {
                    complaints.push(format!("{} meets {}", label.text, other.text));
                }
            }
        }
        complaints
    }

    /// What is wrong with a label and the arrows and boxes around it.
    fn stands(&self, label: &Label) -> Vec<String> {
        let mut complaints = Vec::new();
        let Label { of, text, place } = label;
        for Arrow { name, points } in &self.arrows {
            let distance = place.nearest(points);
            if distance < CLEAR {
                complaints.push(format!("{text} lies on the arrow {name}"));
            } else if name == of && distance > BESIDE {
                complaints.push(format!("{text} is far from its arrow {name}"));
            } else if name != of && distance < OTHERS && !of.is_empty() {
                complaints.push(format!("{text} is too near the arrow {name}"));
            }
        }
        for (name, border) in &self.boxes {
            let apart = !border.meets(&place.grown(APART));
            let within = border.holds(&place.grown(APART));
            if !(apart || within && is_open(name)) || (name == "page" && !within) {
                complaints.push(format!("{text} lies on the box {name}"));
            }
        }
        complaints
    }

    /// What is wrong with an arrow, and the boxes and arrows around it.
    fn leads(&self, arrow: &Arrow) -> Vec<String> {
        let mut complaints = Vec::new();
        let Arrow { name, points } = arrow;
        let (from, to) = name.split_once('-').unwrap_or_default();
        let ends = [(from, points.first()), (to, points.last())];
        for (end, point) in ends.into_iter().filter(|(end, _)| *end != "start") {
            let own = self.boxes.iter().find(|(of, _)| of == end);
            let touches = own
                .zip(point)
                .is_some_and(|((_, own), at)| own.on_border(*at));
            if !touches {
                complaints.push(format!("the arrow {name} does not touch {end}"));
            }
        }
        if !self.labels.iter().any(|label| label.of == *name) {
            complaints.push(format!("the arrow {name} has no label"));
        }
        for (of, border) in &self.boxes {
            if !is_open(of) && border.grown(-1.0).nearest(points) == 0.0 {
                complaints.push(format!("the arrow {name} goes through {of}"));
            }
        }
        for other in self.arrows.iter().filter(|other| other.name > *name) {
            let near = |(x, y): &Point| {
                let mut all = other.points.iter();
                all.any(|(other_x, other_y)| (x - other_x).hypot(y - other_y) < 2.0 * CLEAR)
            };
            if points.iter().any(near) {
                complaints.push(format!("the arrows {name} and {} meet", other.name));
            }
        }
        complaints
    }
}

/// Whether labels and arrows can stand inside this box.
fn is_open(name: &str) -> bool {
    ["page", "frame"].contains(&name)
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = line.split_once(&format!(" {name}=\""))?;
    Some(after.split_once('"')?.0)
}

fn number(line: &str, name: &str) -> Option<f64> {
    attribute(line, name)?.parse().ok()
}

/// A box and its name. The page has no name, and begins at 0.
fn rect(line: &str) -> Option<(String, Rect)> {
    let name = attribute(line, "id").or_else(|| attribute(line, "class"))?;
    let left = number(line, "x").unwrap_or_default();
    let top = number(line, "y").unwrap_or_default();
    let (right, bottom) = (left + number(line, "width")?, top + number(line, "height")?);
    let rect = Rect {
        left,
        top,
        right,
        bottom,
    };
    Some((name.to_owned(), rect))
}

/// A line of text, with its first class. The style has the size of its font.
fn label<'a>(svg: &str, line: &'a str, of: &str) -> Option<(&'a str, Label)> {
    let classes = attribute(line, "class")?;
    let class = classes.split(' ').next()?;
    let (_, after) = svg.split_once(&format!(".{class} {{ font-size: "))?;
    let size: f64 = after.split_once("px")?.0.parse().ok()?;
    let text = line.strip_suffix("</text>")?.rsplit_once('>')?.1;
    let wide = WIDE * size * f64::from(u32::try_from(text.len()).ok()?);
    let (x, y) = (number(line, "x")?, number(line, "y")?);
    let left = match classes {
        "name" | "label middle" => x - wide / 2.0,
        "label end" => x - wide,
        "note" | "label start" => x,
        _ => return None,
    };
    let place = Rect {
        left,
        top: y - 0.8 * size,
        right: left + wide,
        bottom: y + 0.25 * size,
    };
    let (of, text) = (of.to_owned(), text.to_owned());
    Some((class, Label { of, text, place }))
}

/// Points on a path of lines and quadratic curves.
fn points(path: &str) -> Option<Vec<Point>> {
    let mut points = Vec::new();
    for part in path.split(['M', 'L', 'Q']).skip(1) {
        let numbers = part.split_whitespace().map(str::parse);
        let numbers: Vec<f64> = numbers.collect::<Result<_, _>>().ok()?;
        match (points.last().copied(), &numbers[..]) {
            (None, &[x, y]) => points.push((x, y)),
            (Some(from), &[x, y]) => points.extend(curve(from, (x, y), (x, y))),
            (Some(from), &[bend_x, bend_y, x, y]) => {
                points.extend(curve(from, (bend_x, bend_y), (x, y)));
            }
            _ => return None,
        }
    }
    (points.len() > 1).then_some(points)
}

/// Points on a curve, or on a line if it ends where it bends. There are twice as many
/// steps as both sides are long, because the first ones can be twice as long.
fn curve(from: Point, bend: Point, to: Point) -> Vec<Point> {
    let length = |(x, y): Point, (to_x, to_y): Point| (x - to_x).hypot(y - to_y);
    let steps = 2.0 * (length(from, bend) + length(bend, to)).ceil();
    let at = |part: f64| {
        let mix = |from: f64, bend: f64, to: f64| {
            let rest = 1.0 - part;
            rest * rest * from + 2.0 * rest * part * bend + part * part * to
        };
        (mix(from.0, bend.0, to.0), mix(from.1, bend.1, to.1))
    };
    let mut points = Vec::new();
    let mut step = 1.0;
    while step <= steps {
        points.push(at(step / steps));
        step += 1.0;
    }
    points
}
