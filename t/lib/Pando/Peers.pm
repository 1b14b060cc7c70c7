# Implementations that are not ours, to compare with: the npm packages of
# t/lib/peers/package.json, installed once for as long as that list stays.

package Pando::Peers;

use strict;
use warnings;

use Cwd qw(abs_path);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);

my $here = abs_path(dirname(__FILE__) . '/../peers');
my $peers = abs_path("$here/../../..") . '/build/peers';


# Where they are; undef and why where they cannot be.
sub home
{
    my $list = "$here/package.json";

    return (undef, 'there is no node') if system('node --version >/dev/null 2>&1');

    make_path($peers);
    open my $lock, '>', "$peers/lock" or die "$peers/lock: $!";
    flock $lock, LOCK_EX or die "flock: $!";

    return $peers if -d "$peers/node_modules"
        && system('cmp', '-s', $list, "$peers/installed.json") == 0;

    copy($list, "$peers/package.json") or die "copy: $!";
    my $said = qx(npm install --prefix '$peers' --no-audit --no-fund \\
        --no-package-lock --ignore-scripts --loglevel=error 2>&1);
    return (undef, $said) if $?;

    copy($list, "$peers/installed.json");
    return $peers;
}


# Runs one of t/lib/peers/*.js, which speaks TAP, as a subtest.
sub replay
{
    my ($name, $script, @args) = @_;

    Test::More::subtest($name => sub {
        my ($home, $why) = home();
        Test::More::plan(skip_all => $why)
            if !$home && $why eq 'there is no node';
        return Test::More::fail($why) unless $home;

        told(run('node', "$here/$script", $home, @args));
    });
}


# The same in Python: Debian's, with Debian's packages.
sub python
{
    my ($script, @args) = @_;
    return run('/usr/bin/python3', "$here/$script", @args);
}


# What a script says in TAP becomes tests of ours.
sub told
{
    my ($said) = @_;
    my ($n, $plan) = (0, -1);

    for (split /\n/, $said) {
        if (/^(not )?ok \d+ - (.*)/) {
            Test::More::ok(!$1, $2);
            $n++;
        } elsif (/^1\.\.(\d+)$/) {
            $plan = $1;
        } else {
            Test::More::diag($_);
        }
    }

    Test::More::is($plan, $n, 'ran to its end');
}


# What a command says, and its exit status.
sub run
{
    my (@command) = @_;

    open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command
        or die "sh: $!";
    my $said = do { local $/; <$out> } // '';
    close $out;
    return ($said, $?);
}

1;
