# Clients of channels: a WebSocket that speaks JSON, asks and waits for the
# answer of the same id, and keeps what it is told meanwhile.
#
#   my $t = Talk->new($p, token => $token);
#   my $r = $t->ask('subscribe', channel => 'room:1');    # the answer
#   my $m = $t->told;                       # the next message, or undef
#   my @m = $t->offsets(3);                 # three of them, by offset

package Talk;

use strict;
use warnings;

use JSON::PP;
use Pando::Live;
use Time::HiRes qw(time);

our @ISA = 'Pando::Live';

my $JSON = JSON::PP->new->utf8->canonical;


sub new
{
    my ($class, $p, %opt) = @_;
    my $t = Pando::Live->socket($p, delete $opt{path} // '/api/v1/realtime/ws', %opt);

    $t->{p} = $p;
    $t->{told} = [];
    return bless $t, $class;
}


sub ask
{
    my ($t, $type, %with) = @_;
    my $id = ++$t->{id};

    $t->say($JSON->encode({ id => $id, type => $type, %with }));

    while (my $m = $t->next) {
        return $m if ($m->{id} // 0) eq $id;
        push @{ $t->{told} }, $m;
    }

    return undef;
}


# The next object; what closed it is in {code} and {reason}.
sub next
{
    my ($t, $seconds) = @_;
    my $f = $t->hear($seconds // 30) // return;

    if ($f->{op} == 8) {
        @$t{qw(code reason)} = @$f{qw(code text)};
        $t->bye($f->{code});
        return;
    }

    return $JSON->decode($f->{text});
}


sub told
{
    my ($t, $seconds) = @_;
    return shift @{ $t->{told} } if @{ $t->{told} };
    return $t->next($seconds);
}


sub offsets
{
    my ($t, $n) = @_;
    return map { my $m = $t->told; $m ? $m->{offset} // $m->{type} : () } 1 .. $n;
}


# What it is closed with.
sub closes
{
    my ($t) = @_;
    1 while $t->next;
    return $t->{code};
}

1;
