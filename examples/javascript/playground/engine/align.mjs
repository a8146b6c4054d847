// Lanes that stand side by side go on together: for each moment (a time, or a turn) the lane
// with the most frames sets the number of steps. Returns for each step the index of the frame
// of each lane; step 0 is before everything, where the index is -1.

export function align(lanes) {
  const moments = [...new Set(lanes.flat().map((frame) => frame.time ?? frame.turn))].sort((a, b) => a - b);
  const at = lanes.map(() => 0);
  const steps = [lanes.map(() => -1)];
  for (const moment of moments) {
    const ends = lanes.map((frames, lane) => {
      let end = at[lane];
      while (end < frames.length && (frames[end].time ?? frames[end].turn) === moment) end += 1;
      return end;
    });
    const most = Math.max(...ends.map((end, lane) => end - at[lane]));
    for (let n = 1; n <= most; n++) steps.push(lanes.map((_, lane) => Math.min(at[lane] + n, ends[lane]) - 1));
    ends.forEach((end, lane) => { at[lane] = end; });
  }
  return steps;
}

// The first step at which two lanes say something different, or -1.
export function firstDifference(lanes, steps, say) {
  return steps.findIndex(([a, b], n) => n > 0 && (a === -1 ? '' : say(lanes[0][a])) !== (b === -1 ? '' : say(lanes[1][b])));
}
