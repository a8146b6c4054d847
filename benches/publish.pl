# Puts what a program has measured, $MEASURED, into its place of a file: perl publish.pl NAME FILE.
# Beside each goal stands what the table of before says.
use strict;
use warnings;

my ($program, $file) = @ARGV;
open my $in, '<', $file or die "$file: $!\n";
my $text = do { local $/; <$in> };
close $in;

my $goal = qr/^\| (\S+ \| [^|]+?) \| ([\d.]+) \|(?: [\d.]* \|)?( at (?:least|most) .*)$/m;
$text =~ s{(<!-- measured: \Q$program\E -->\n)(.*?)(<!-- end -->)}{
    my ($head, $old, $end) = ($1, $2, $3);
    my %before;
    $before{$1} = $2 while $old =~ /$goal/g;
    my $new = $ENV{MEASURED};
    $new =~ s/$goal/"| $1 | $2 | " . ($before{$1} \/\/ '') . " |$3"/ge;
    $new =~ s/^\| id \| work \| reached \| goal \| \|\n(\|(?: --- \|)+)/| id | work | reached | in the run before | goal | |\n$1 --- |/m;
    "$head\n$new\n\n$end"
}se or die "$file has no place for $program\n";

open my $out, '>', $file or die "$file: $!\n";
print {$out} $text;
close $out or die "$file: $!\n";
