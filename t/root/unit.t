#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause

# The parts of the root that need no nginx, tested in C: every unit/test_*.c
# is built under the sanitizers and run, its assertions become this file's.
# unit/fuzz_*.c are built with clang's fuzzer, where there is one, and run for
# a few seconds each; PANDO_FUZZ_SECONDS makes it longer.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Temp qw(tempdir);
use Test::More;

my $here = dirname(abs_path(__FILE__));
my $root = abs_path("$here/../../lua-free-handlers");
my $out = tempdir(CLEANUP => 1);

my @parts = map { "$root/pando_$_.c" }
    qw(bytes uuid date time money sign keys jwk jws token claims pattern
    template template_tag template_include template_html template_render template_format
    sigv4 push ed25519 crypt crypt_sign cert zone zone_rule places civil recur recur_rule
    rule_read rule_part rule_check rule_run rule_value rule_calls rule_world);
my @beside = map { "$root/pando_$_.c" } qw(out json faults kind format);

# C++, with the rest of what is asked of C.
my @cpp = map { "$root/pando_$_.cpp" } qw(phone regex);

my @strict = qw(-std=gnu11 -g -O1 -Wall -Wextra -Werror
    -Wno-unused-parameter -fno-omit-frame-pointer -fno-sanitize-recover=all);
my @libs = qw(-ljansson -lcrypto -lpcre2-8 -lical -lphonenumber -lre2 -lstdc++ -lpthread -lm);

# What is asked of the parts alone: they may run on a flow's small stack.
my @frames = ('-O2', '-Wframe-larger-than=4096');

$ENV{ASAN_OPTIONS} = 'detect_leaks=1:abort_on_error=0';
$ENV{UBSAN_OPTIONS} = 'print_stacktrace=1:halt_on_error=1';


sub run {
    my (@cmd) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @cmd
        or die "sh: $!";
    my @lines = <$fh>;
    close $fh;

    return ($?, @lines);
}


# Compiles one .c into a .o; a warning is a failure with its text.
sub compile {
    my ($cc, $src, $obj, @flags) = @_;

    my @kind = $src =~ /cpp$/ ? (grep(!/^-std/, @strict), qw(-x c++ -std=gnu++17)) : @strict;
    my ($rc, @lines) = run($cc, @kind, @flags, "-I$root", "-I$here/unit",
                           '-c', $src, '-o', $obj);
    diag(@lines) if $rc;

    return $rc == 0;
}


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


SKIP: {
    my ($rc) = run('clang', '--version');
    skip 'no clang', @parts + @cpp if $rc;

    for my $src (@parts, @cpp) {
        ok(compile('clang', $src, "$out/clang.o", @frames),
           basename($src) . ' compiles with clang, in small frames');
    }
}

my @objs;

for my $src (@parts, @cpp) {
    my $obj = "$out/" . basename($src) =~ s/\.\w+$//r . '.o';

    ok(compile('gcc', $src, $obj, '-fsanitize=address,undefined'),
       basename($src) . ' compiles with gcc');
    ok(compile('gcc', $src, "$out/gcc.o", @frames),
       basename($src) . ' has small frames');
    push @objs, $obj;
}

for my $src (@beside) {                 # tested by shape.t
    my $obj = "$out/" . basename($src, '.c') . '.o';

    ok(compile('gcc', $src, $obj, '-fsanitize=address,undefined'),
       basename($src) . ' compiles with gcc');
    push @objs, $obj;
}

# From an archive a test takes only what it does not bring itself.
system('ar', 'rcs', "$out/parts.a", @objs) == 0 or BAIL_OUT('ar failed');

for my $src (sort glob "$here/unit/test_*.c") {
    my $name = basename($src, '.c');

    subtest $name => sub {
        my $built = compile('gcc', $src, "$out/$name.o",
                            '-fsanitize=address,undefined');
        ok($built, 'compiles') or return;

        my @more = $name eq 'test_token' ? '-ljwt' : ();
        my ($rc, @lines) = run('gcc', '-fsanitize=address,undefined',
                               "$out/$name.o", "$out/parts.a", @more, @libs,
                               '-o', "$out/$name");
        is($rc, 0, 'links') or diag(@lines), return;

        replay(run("$out/$name"));
    };
}

my $seconds = $ENV{PANDO_FUZZ_SECONDS} || 3;
my @plain;

for my $src (@cpp) {                    # it is not what is looked at here
    my $obj = "$out/" . basename($src, '.cpp') . '.plain.o';

    push @plain, $obj if compile('gcc', $src, $obj, '-O2');
}

for my $src (sort glob "$here/unit/fuzz_*.c") {
    my $name = basename($src, '.c');

    SKIP: {
        my ($rc, @lines) = run('clang', @strict,
            '-fsanitize=fuzzer,address,undefined', "-I$root",
            "-I$here/unit", $src, @parts, @beside, @plain, @libs,
            '-o', "$out/$name");

        skip 'no fuzzer', 1 if $rc && "@lines" =~ /fuzzer.*(No such file|cannot find)|not found/;
        is($rc, 0, "$name compiles") or diag(@lines), next;

        mkdir "$out/corpus_$name";
        ($rc, @lines) = run("$out/$name", "-max_total_time=$seconds",
                            '-verbosity=1', '-max_len=2048',
                            "-artifact_prefix=$out/", "$out/corpus_$name");
        is($rc, 0, "$name ran $seconds s without a finding")
            or diag(@lines > 60 ? @lines[-60 .. -1] : @lines);
    }
}

done_testing();
