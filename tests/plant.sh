# Sourced by the scripts that plant faults.

# plant COPY FILE OLD NEW: a copy of the sources in which FILE has NEW in place of OLD,
# which must stand there just once.
plant() {
  rm -rf "$1"
  mkdir -p "$1"
  git ls-files -coz --exclude-standard | xargs -0 cp --parents -t "$1"
  OLD=$3 NEW=$4 perl -0pi -e '$n = s/\Q$ENV{OLD}\E/$ENV{NEW}/g; END { exit($n != 1) }' "$1/$2" ||
    { echo "$2 does not have just once: $3"; return 1; }
}
