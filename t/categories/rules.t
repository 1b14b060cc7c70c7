# The rules of categories, which need no nginx: each unit/test_*.c is built
# with the file that it tests, under the sanitizers, and its assertions become
# this file's.  Both compilers have to be content.

use FindBin;
use Pando;
use File::Basename qw(basename);
use File::Temp qw(tempdir);

my $out = tempdir(CLEANUP => 1);
my $modules = "$Pando::ROOT/modules/categories";
my @common = (qw(-std=gnu11 -g -O1 -Wall -Wextra -Werror -Wno-unused-parameter),
    "-I$Pando::ROOT/lua-free-handlers", "-I$modules", "-I$Pando::BUILD/nginx/objs/pando",
    "-I$Pando::ROOT/t/root/unit");
my @sane = ('-fsanitize=address,undefined', '-fno-omit-frame-pointer',
    '-fno-sanitize-recover=all');

# What a unit needs besides its own file.
my %more = (rules => []);
my %libs = (rules => []);

for my $src (sort glob "$FindBin::Bin/unit/test_*.c") {
    my ($unit) = basename($src) =~ /^test_categories_(\w+)\.c$/;
    my @files = map { m{/} ? $_ : "$modules/categories_$_.c" } $unit, @{ $more{$unit} };

    for my $cc ('gcc', 'clang') {
        is said($cc, @common, '-O2', '-Wframe-larger-than=4096', '-c', $_, '-o', '/dev/null'),
            '', basename($_) . " compiles with $cc, in small frames" for @files;
    }

    is said('gcc', @common, @sane, $src, @files, '-o', "$out/$unit", '-ljansson',
            @{ $libs{$unit} }), '', "$unit: compiles" or next;

    subtest $unit => sub {
        my @lines = split /\n/, said("$out/$unit");
        my ($ran, $plan) = (0, -1);

        for (@lines) {
            if (/^(not )?ok \d+ - (.*)/) {
                $ran++;
                ok !$1, $2;
            } elsif (/^1\.\.(\d+)$/) {
                $plan = $1;
            } else {
                diag $_;
            }
        }

        is $plan, $ran, 'ran to its end';
    };
}

done_testing;


sub said
{
    my (@command) = @_;

    local $ENV{ASAN_OPTIONS} = 'detect_leaks=1';
    open my $from, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or die "sh: $!\n";
    local $/;
    return <$from> // '';
}
