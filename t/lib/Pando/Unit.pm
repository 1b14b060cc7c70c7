# Parts of a domain that need no nginx, tested in C: each unit/test_<file>.c
# beside the test is built with <file>.c under the sanitizers and run, and its
# assertions become the test's.  Both compilers have to be content, and the
# part's frames small: it runs on a flow's stack.
#
#   use Pando;
#   use Pando::Unit;
#
#   units(categories_values => [ 'pando_pattern', '-lpcre2-8' ]);
#   done_testing;
#
# What follows a name is what it needs besides: other files, of the domain or
# of the root, and libraries.

package Pando::Unit;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(basename dirname);
use File::Temp qw(tempdir);
use Test::More;

our @EXPORT = ('units');

my $root = $Pando::ROOT;
my $here = dirname(abs_path($0));
my $modules = "$root/modules/" . basename($here);
my @common = (qw(-std=gnu11 -g -O1 -Wall -Wextra -Werror -Wno-unused-parameter),
    "-I$root/lua-free-handlers", "-I$modules", "-I$root/t/root/unit",
    "-I$Pando::BUILD/nginx/objs/pando");
my @sane = ('-fsanitize=address,undefined', '-fno-omit-frame-pointer',
    '-fno-sanitize-recover=all');
my @small = (qw(-O2 -Wframe-larger-than=4096 -c -o /dev/null));


sub units
{
    my (%more) = @_;
    my $out = tempdir(CLEANUP => 1);
    my @tests = glob "$here/unit/test_*.c";

    ok scalar(@tests), 'there are units';

    for my $test (@tests) {
        my ($unit) = basename($test) =~ /^test_(\w+)\.c$/;
        my ($libs, $files) = ([], []);

        push @{ /^-l/ ? $libs : $files }, $_ for @{ $more{$unit} // [] };
        my @files = map { -f "$modules/$_.c" ? "$modules/$_.c"
                          : "$root/lua-free-handlers/$_.c" } $unit, @$files;

        for my $cc ('gcc', 'clang') {
            is said($cc, @common, @small, $_), '',
                basename($_) . " compiles with $cc, in small frames"
                for grep { m{^\Q$modules\E/} } @files;
        }

        is said('gcc', @common, @sane, $test, @files, '-o', "$out/$unit",
                '-ljansson', @$libs), '', "$unit: compiles" or next;
        subtest $unit => sub { replay(said("$out/$unit")) };
    }
}


sub replay
{
    my ($ran, $plan) = (0, -1);

    for (split /\n/, $_[0]) {
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
}


sub said
{
    my (@command) = @_;

    local $ENV{ASAN_OPTIONS} = 'detect_leaks=1';
    open my $from, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command
        or die "sh: $!\n";
    local $/;
    return <$from> // '';
}

1;
