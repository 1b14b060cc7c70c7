#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause

# Shapes, tested in C without nginx: unit/shape_*.c under the sanitizers, the
# stack they take without them, their schemas against an implementation that
# is not ours, and clang's fuzzer for a few seconds (PANDO_FUZZ_SECONDS).

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Temp qw(tempdir);
use Test::More;

use Pando::Peers;

my $here = dirname(abs_path(__FILE__));
my $top = abs_path("$here/../..");
my $root = "$top/lua-free-handlers";
my $out = tempdir(CLEANUP => 1);

my @ours = map { "$root/pando_$_.c" } qw(faults json format kind scalar
    compound shape verify out render params query patch schema schemas sound);
my @base = grep { -e } map { "$root/pando_$_.c" }
    qw(bytes uuid date time money);

my @strict = (qw(-std=gnu11 -g -Wall -Wextra -Werror -Wno-unused-parameter
    -fno-omit-frame-pointer), "-I$root", "-I$here/unit");
my @checked = ('-O1', '-fsanitize=address,undefined',
    '-fno-sanitize-recover=all');
my @flow = qw(-O2 -fstack-clash-protection -Wframe-larger-than=4096);
my @libs = qw(-ljansson -lcrypto -lpthread -lm);

$ENV{ASAN_OPTIONS} = 'detect_leaks=1:abort_on_error=0';
$ENV{UBSAN_OPTIONS} = 'print_stacktrace=1:halt_on_error=1';


# Runs a command; what it says goes to diag where it fails.
sub run {
    my (@cmd) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @cmd
        or die "sh: $!";
    my @lines = <$fh>;
    close $fh;

    return ($?, @lines);
}

sub builds {
    my ($what, @cmd) = @_;
    my ($rc, @lines) = run(@cmd);

    diag(@lines) if $rc;

    return ok($rc == 0, $what);
}

# An archive of all that the tests link with.
sub archive {
    my ($name, @cc) = @_;
    my @objs;

    for my $src (@ours, @base) {
        my $obj = "$out/$name-" . basename($src, '.c') . '.o';

        builds(basename($src) . " compiles ($name)", @cc, @strict, '-c',
               $src, '-o', $obj) or BAIL_OUT("no $name");
        push @objs, $obj;
    }

    system('ar', 'rcs', "$out/$name.a", @objs) == 0 or BAIL_OUT('ar failed');

    return "$out/$name.a";
}

# What a program said in TAP, as if it were said here.
sub replay {
    my ($rc, @lines) = @_;
    my ($ran, $plan) = (0, -1);

    for (@lines) {
        if (/^(not )?ok \d+ - (.*)/) {
            $ran++;
            ok(!$1, $2);

        } elsif (/^1\.\.(\d+)$/) {
            $plan = $1;

        } else {
            diag($_);
        }
    }

    is($plan, $ran, 'ran to its end');
    is($rc, 0, 'and ended well');
}

my $checked = archive('checked', 'gcc', @checked);
my $flow = archive('flow', 'gcc', @flow);

for my $src (sort glob "$here/unit/shape_*.c") {
    my $name = basename($src, '.c');
    my $small = $name eq 'shape_stack';

    next if $name eq 'shape_fuzz';

    builds("$name builds", 'gcc', @strict, $small ? @flow : @checked, $src,
           $small ? $flow : $checked, @libs, '-o', "$out/$name") or next;

    next if $name eq 'shape_peer';

    subtest $name => sub { replay(run("$out/$name")) };
}

if (system("$out/shape_peer >$out/verdicts") == 0) {
    Pando::Peers::replay('the document and the parser agree', 'schema.js',
                         "$out/verdicts");
} else {
    fail('no verdicts');
}

my ($no_clang) = run('clang', '--version');

SKIP: {
    skip 'no clang', 1 if $no_clang;
    archive('clang', 'clang', @flow);
}

# The fuzzer begins with documents that are right: chance finds none soon.
my @seeds = (
    '{"title":"tt","slug":null,"count":5,"weight":0.5,"gift":false}',
    '{"title":"tt","owner":"018f0000-0000-7000-8000-000000000001",'
        . '"due":"2026-11-21T10:40:26Z","day":"2026-11-21","rate":"1.50"}',
    '{"title":"tt","price":{"amount":5,"currency":"EUR"},"state":"done",'
        . '"words":{"en":"x"},"extra":{"a":[1,null,99999999999999999999]}}',
    '{"title":"tt","place":{"line":"l","floor":null},"lines":[{"sku":"a",'
        . '"notes":["n"]},{"sku":"b","count":2}],"tags":["a","b"]}',
);

SKIP: {
    skip 'no clang', 1 if $no_clang;

    my $seconds = $ENV{PANDO_FUZZ_SECONDS} || 3;
    my $corpus = "$out/corpus";
    my $n = 0;

    mkdir $corpus;

    for my $seed (map({ ("\0$_", "\1$_") } @seeds),
                  "\2sku=a-b&count=2&notes=x,y%20z&limit=5&cursor=aB_-") {
        open my $fh, '>', "$corpus/" . $n++ or die "$corpus: $!";
        print $fh $seed;
        close $fh;
    }

    my ($rc, @lines) = run('clang', @strict, '-O1',
        '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all',
        "$here/unit/shape_fuzz.c", @ours, @base, @libs, '-o', "$out/fuzz");

    skip 'no fuzzer', 1 if $rc && "@lines" =~ /cannot find.*fuzzer/s;
    is($rc, 0, 'shape_fuzz builds') or diag(@lines), last SKIP;

    ($rc, @lines) = run("$out/fuzz", "-max_total_time=$seconds",
                        '-max_len=2048', "-artifact_prefix=$out/", $corpus);
    is($rc, 0, "the fuzzer found nothing in $seconds s")
        or diag(@lines > 60 ? @lines[-60 .. -1] : @lines);
}

done_testing();
