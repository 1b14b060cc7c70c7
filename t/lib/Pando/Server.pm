# Servers of a test's own, to be frozen, killed and restarted:
#
#   my $pg = Pando::Server->postgres(max_connections => 20);
#   my $p = Pando->new(database => $pg->conninfo);
#   $pg->freeze; ...; $pg->thaw; $pg->kill; $pg->start;
#
#   my $redis = Pando::Server->redis(maxmemory => '1mb');
#   my $p = Pando->new(redis => $redis->socket);
#
# PostgreSQL comes with a migrated database.  They end with the test.

package Pando::Server;

use strict;
use warnings;

use File::Path qw(make_path);
use Time::HiRes qw(sleep time);

my $owner = $$;
my $count = 0;
my @all;


sub postgres
{
    my ($class, %set) = @_;
    my $s = $class->create('postgres', 'pg', { fsync => 'off', %set });

    system('psql', '-qX', '-d', "host=$s->{dir} user=pando dbname=postgres",
           '-c', 'create database pando') == 0 or die "createdb failed\n";

    my $said = qx($Pando::ROOT/sql/migrate "@{[ $s->conninfo ]}" 2>&1);
    die "migrate failed:\n$said" if $?;

    return $s;
}


sub redis
{
    my ($class, %set) = @_;
    return $class->create('redis', 'redis', \%set);
}


# In a folder that t/run knows to clear when this process is gone.
sub create
{
    my ($class, $what, $folder, $set) = @_;
    my $dir = "$Pando::BUILD/t/servers." . ++$count . ".$$/$folder";
    my $s = bless { what => $what, dir => $dir, set => $set }, $class;

    make_path($dir);
    push @all, $s;
    return $s->start;
}


sub conninfo { "host=$_[0]{dir} user=pando dbname=pando" }
sub socket   { "$_[0]{dir}/redis.sock" }


sub start
{
    my ($s) = @_;
    my $set = $s->{set};

    system("$Pando::ROOT/conf/servers", $s->{what}, 'start', $s->{dir},
           map { "$_=$set->{$_}" } sort keys %$set) == 0
        or die "$s->{what} did not start\n";
    return $s;
}


# How: 'fast' (sessions are ended) or 'immediate' (as after a crash).
sub stop
{
    my ($s, $how) = @_;

    system("$Pando::ROOT/conf/servers", $s->{what}, 'stop', $s->{dir},
           $how // ()) == 0 or die "$s->{what} does not stop\n";
    return $s;
}


# The server's first process, then its children.
sub pids
{
    my ($s) = @_;

    open my $in, '<', "$s->{dir}/pid" or return;
    my ($pid) = (<$in> // '') =~ /^(\d+)/ or return;
    return grep { -d "/proc/$_" } $pid, Pando::children($pid);
}


sub freeze { my ($s) = @_; CORE::kill 'STOP', $_ for $s->pids; $s }
sub thaw   { my ($s) = @_; CORE::kill 'CONT', $_ for reverse $s->pids; $s }


# All of it at once, as when the machine goes; returns when nothing is left.
sub kill
{
    my ($s) = @_;
    my @pids = $s->pids;
    my $until = time + 30;

    CORE::kill('KILL', @pids);
    sleep 0.01 while time < $until && grep { -d "/proc/$_" } @pids;
    return $s;
}


END {
    my $status = $?;

    for my $s ($$ == $owner ? @all : ()) {
        CORE::kill('CONT', $s->pids);
        $s->kill;
        system('rm', '-rf', "$s->{dir}/", $s->{dir} =~ s{/[^/]+$}{}r);
    }

    $? = $status;
}

1;
