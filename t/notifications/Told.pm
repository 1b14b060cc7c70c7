# What the tests of notifications share: users with tokens of their own,
# templates that are published, and what a user has in the inbox.
#
#   my $t = Told->new(workers => 2);
#   my $ann = $t->user;
#   $t->template('shipped', [ { channel => 'in_app', locale => 'en',
#                               title => 'On its way' } ]);
#   $t->send(template => 'shipped', to => { users => [ $ann->{id} ] });
#   is $t->count($ann)->{unread}, 1;

package Told;

use strict;
use warnings;

use Pando;
use Pando::Routes;
use Test::More;

our @ISA = 'Pando::Routes';
our $OTHER = { scope => 'notifications:admin', tid => $Pando::Token::OTHER };


sub new
{
    my ($class, %set) = @_;
    my $ports = join ' ', 443, map { $_->port } @{ delete $set{to} // [] };
    my $http = delete $set{http} // '';

    return $class->SUPER::new('notifications',
        server => "pando_tenant $Pando::Token::TENANT;",
        http => "pando_set notifications.plain_http on; pando_outbound_allow 127.0.0.1;
                 pando_outbound_ports $ports; pando_outbound_limits failures=100000;
                 $http", %set);
}


# A user nobody has heard of.
sub user
{
    my ($t, %claims) = @_;
    my $id = sprintf '01900000-0000-7000-8000-%012x', 0xa000 + $t->{users}++;

    return { id => $id, token => $t->{p}->token(sub => $id, scope => '', %claims) };
}


sub template
{
    my ($t, $key, $contents, %set) = @_;
    my $r = $t->post('/notification-templates', { key => $key, contents => $contents, %set });

    die "no template: $r->{raw}\n" unless $r->{status} == 201;
    $r = $t->post("/notification-templates/$key/publish");
    die "not published: $r->{raw}\n" unless $r->{status} == 200;
    return $r->json;
}


# A device of a user; a browser where a server is given.
our $POINT = 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8'
    . 'pZGH6SRpkNtoIAiw4';
our $AUTH = 'BTBZMqHH6r4Tts7J_aSIgg';

sub device
{
    my ($t, $u, %set) = @_;
    my $web = delete $set{web};
    my $at = delete $set{at} // '/' . ++$t->{devices};
    my $r = $t->post('/device-tokens', { $web ? (platform => 'webpush', p256dh => $POINT,
        auth => $AUTH, token => 'http://127.0.0.1:' . $web->port . $at)
        : (platform => 'custom', token => "device $at"), %set }, token => $u->{token});

    die "no device: $r->{raw}\n" unless $r->{status} == 201;
    return $r->json;
}


# What was captured, the latest first.
sub captured
{
    my ($t, $u) = @_;
    return grep { !$u || $_->{user_id} eq $u->{id} }
        @{ $t->get('/notifications/outbox?limit=200')->json->{data} };
}


sub send
{
    my ($t, %what) = @_;
    my $r = $t->post('/notifications', \%what);

    die "not sent: $r->{raw}\n" unless $r->{status} == 202;
    return $r->json;
}


sub as    { my ($t, $u, $path) = @_; return $t->get($path, token => $u->{token})->json }
sub count { my ($t, $u) = @_; return $t->as($u, '/notifications/count') }

sub inbox
{
    my ($t, $u, $query) = @_;
    return @{ $t->as($u, '/notifications' . ($query // ''))->{data} };
}

sub waits
{
    my ($t, $sub, $name, $seconds) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok $t->{p}->wait_for($sub, $seconds // 30), $name;
}

# What else is done every half a minute.
sub release { my ($t) = @_; $t->{p}->sql(q{select pando.enqueue('notifications.release')}) }


# What became of a request, as "channel state reason", sorted.
sub fates
{
    my ($t, $request) = @_;
    my $r = $t->get("/notifications/requests/$request->{id}")->json;

    return map { join ' ', @$_{qw(channel state)}, $_->{reason} // () } @{ $r->{deliveries} };
}

1;
