# The arithmetic and the states of alerts, in C, without nginx: unit/*.c are
# built under the sanitizers and run; their assertions become this file's.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

my $here = dirname(abs_path(__FILE__));
my $root = abs_path("$here/../..");
my $build = $ENV{BUILD} // 'build';
my $out = tempdir(CLEANUP => 1);

$build = "$root/$build" if $build !~ m{^/};

my @pure = glob "$root/modules/metrics/metrics_{rules,states}.c";
my @flags = (qw(-std=gnu11 -g -O1 -Wall -Wextra -Werror),
    '-fsanitize=address,undefined', '-fno-sanitize-recover=all',
    "-I$root/lua-free-handlers", "-I$root/modules/metrics",
    "-I$root/t/root/unit", "-I$build/nginx/objs/pando");

my $built = system('gcc', @flags, "$here/metrics_test.c",
    (grep { -f } @pure), '-o', "$out/test");

ok !$built, 'they stand without nginx';

if (!$built) {
    local $ENV{ASAN_OPTIONS} = 'detect_leaks=0';
    my ($ran, $plan) = (0, -1);

    for (split /\n/, qx($out/test 2>&1)) {
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
    is $?, 0, 'and ended well';
}

done_testing;
