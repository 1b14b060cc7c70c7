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

    return $class->SUPER::new('notifications',
        server => "pando_tenant $Pando::Token::TENANT;", %set);
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

# What became of a request, as "channel state reason", sorted.
sub fates
{
    my ($t, $request) = @_;
    my $r = $t->get("/notifications/requests/$request->{id}")->json;

    return map { join ' ', @$_{qw(channel state)}, $_->{reason} // () } @{ $r->{deliveries} };
}

1;
