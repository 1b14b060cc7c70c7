# Categories and templates: drafts, what is published and stays so, previews,
# and what cannot be saved.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Told;

my $t = Told->new;
my $p = $t->{p};
my $in = sub { { channel => 'in_app', locale => 'en', title => 'x', @_ } };


# categories

my $c = $t->works($t->post('/notification-categories', { key => 'orders',
    title => { en => 'Orders', de => 'Bestellungen' }, ttl_s => 3600 }),
    'POST /notification-categories', 201);
is_deeply $c->{channels}, ['in_app', 'push'], 'by both channels, unless told otherwise';
$t->fails($t->post('/notification-categories', { key => 'orders', title => 'x' }),
    'POST /notification-categories', 'category_key_taken', '/key');
$t->fails($t->get('/notification-categories/none'), 'GET /notification-categories/{key}',
    'not_found');
$t->fails($t->get('/notification-categories/orders', token => $Told::OTHER),
    'GET /notification-categories/{key}', 'not_found');
$t->works($t->get('/notification-categories/orders'), 'GET /notification-categories/{key}', 200);
is scalar @{ $t->works($t->get('/notification-categories'), 'GET /notification-categories',
    200)->{data} }, 1;
my $patch = 'PATCH /notification-categories/{key}';
$c = $t->works($t->patch('/notification-categories/orders', { channels => [], ttl_s => undef }),
    $patch, 200);
is_deeply [ $c->{channels}, $c->{ttl_s}, $c->{class} ], [ [], undef, 'transactional' ],
    'what is named changes, the rest stays';
my %span = (digest_window_s => 600, digest_max_s => 60);
$t->fails($t->post('/notification-categories', { key => 'span', title => 'x', %span }),
    'POST /notification-categories', 'digest_span', '/digest_max_s');
$t->fails($t->patch('/notification-categories/orders', { %span }), $patch, 'digest_span',
    '/digest_max_s');
is_deeply [ @{ $t->patch('/notification-categories/orders', { %span, digest_max_s => 900 })
    ->json }{qw(digest_window_s digest_max_s)} ], [ 600, 900 ], 'how long more is waited for';
is_deeply [ @{ $t->patch('/notification-categories/orders', { digest_window_s => undef,
    digest_max_s => undef })->json }{qw(digest_window_s digest_max_s)} ], [ undef, undef ],
    'and no more';
$t->fails($t->patch('/notification-categories/none', {}), $patch, 'not_found');
$t->fails($t->patch('/notification-categories/orders', { urgent => JSON::PP::true },
    'If-Match' => '"v1"'), $patch, 'precondition_failed');


# templates

my $add = 'POST /notification-templates';
my $r = $t->works($t->post('/notification-templates', { key => 'a', category => 'orders',
    contents => [ $in->(title => 'One {{n}}') ],
    variables => [ { name => 'n' } ] }), $add, 201);
is_deeply [ @$r{qw(draft published)} ], [ 1, undef ], 'a draft';
$t->fails($t->post('/notification-templates', { key => 'a', contents => [ $in->() ] }), $add,
    'template_key_taken', '/key');
$t->fails($t->post('/notification-templates', { key => 'b', category => 'none',
    contents => [ $in->() ] }), $add, 'unknown_category', '/category');
$t->fails($t->post('/notification-templates', { key => 'b', contents => [ $in->(), $in->() ] }),
    $add, 'content_twice', '/contents');
my $j = $t->fails($t->post('/notification-templates', { key => 'b',
    contents => [ $in->(), $in->(locale => 'de', body => "eins\nzwei {{#x}}") ] }), $add,
    'template_syntax', '/contents/1/body');
is $j->{line}, '2', 'in its second line';
$t->fails($t->post('/notification-templates', { key => 'b', contents => [ $in->() ],
    flow => [ map { { channel => 'push', after_s => 60 } } 1, 2 ] }), $add, 'step_twice',
    '/flow/1/channel');
my @flow = (flow => [ { channel => 'push', after_s => 60, condition => 'data.' } ]);
$t->fails($t->post('/notification-templates', { key => 'b', contents => [ $in->() ], @flow }),
    $add, 'condition_invalid', '/flow/0/condition');
$t->fails($t->post('/notification-templates', { key => 'b', contents => [ $in->(
    actions => [ { id => 'x', title => '{{' } ]) ] }), $add, 'template_syntax',
    '/contents/0/actions');
for my $verb ([ post => '/notification-templates', $add, key => 'b' ],
              [ patch => '/notification-templates/a', 'PATCH /notification-templates/{key}' ]) {
    my ($how, $path, $route, @key) = @$verb;
    $t->fails($t->$how($path, { @key, contents => [ $in->() ],
        events => [ { event => 'a.b', to => 'everybody' } ] }), $route, 'unknown_audience',
        '/events/0/to');
    $t->fails($t->$how($path, { @key, contents => [ $in->() ],
        events => [ map { { event => 'a.b', to => $_ } } qw(actor subject) ] }), $route,
        'event_twice', '/events');
}

is $t->get('/notification-templates/b')->{status}, 404, 'nothing was saved';
is $t->post('/notification-templates', { key => 'c', contents => [ $in->() ] })->{status}, 201,
    'of no category';
is $t->get('/notification-templates/c')->json->{category}, 'general', 'is of the general one';
is $t->get('/notification-categories/general')->json->{class}, 'transactional', 'which is made';

my $preview = 'POST /notification-templates/{key}/preview';
$j = $t->works($t->post('/notification-templates/a/preview', { data => { n => '<1>' } }),
    $preview, 200);
is $j->{contents}[0]{title}, 'One <1>', 'a preview of the draft';
$t->fails($t->post('/notification-templates/a/preview', { data => {} }), $preview,
    'missing_variable', '/data/n');
$t->fails($t->post('/notification-templates/none/preview', { data => {} }), $preview,
    'not_found');
is_deeply $t->post('/notification-templates/a/preview', { data => { n => 1 }, locale => 'fr' })
    ->json->{contents}, [], 'of one language, if it is there';

my $u = $t->user;
my $send = 'POST /notifications';
my %to = (to => { users => [ $u->{id} ] });
$t->fails($t->post('/notifications', { template => 'a', data => { n => 1 }, %to }), $send,
    'template_unpublished', '/template');

my $publish = 'POST /notification-templates/{key}/publish';
$r = $t->works($t->post('/notification-templates/a/publish'), $publish, 200);
is_deeply [ @$r{qw(draft published)} ], [ undef, 1 ], 'published';
$t->fails($t->post('/notification-templates/a/publish'), $publish, 'nothing_to_publish');
$t->fails($t->post('/notification-templates/none/publish'), $publish, 'not_found');
$t->fails($t->post('/notifications', { template => 'a', data => { n => 1 },
    channels => ['in_app'], %to, to => { users => [ 'x' ] } }), $send, 'invalid', '/to/users/0');
my $sent = $t->send(template => 'a', data => { n => 1 }, %to);
is_deeply [ $t->fates($sent) ], ['in_app skipped preference'],
    'the category is for no channel unless it is asked for';
$t->patch('/notification-categories/orders', { channels => ['in_app'] });

$t->fails($t->post('/notifications', { template => 'a', data => { n => 1 }, %to,
    channels => [ 'in_app', 'push' ] }), $send, 'no_content_for_channel', '/channels/1');


# a test, to oneself

my $test = 'POST /notification-templates/{key}/test-send';
my %me = (token => $p->token(scope => 'notifications:admin', sub => $u->{id}));
$t->works($t->post('/notification-templates/a/test-send', { data => { n => 5 } }, %me), $test,
    202);
is(($t->inbox($u))[0]{title}, 'One 5', 'a test comes to who asked');
$t->fails($t->post('/notification-templates/a/test-send', { data => {} }, %me), $test,
    'missing_variable', '/data/n');
$t->fails($t->post('/notification-templates/none/test-send', { data => {} }, %me), $test,
    'not_found');
$t->fails($t->post('/notification-templates/a/test-send', { data => { n => 5 } },
    token => $p->token(scope => 'notifications:admin', sub => undef)), $test, 'no_user');


# writing on: another version

my $change = 'PATCH /notification-templates/{key}';
$r = $t->works($t->patch('/notification-templates/a', { contents => [ $in->(title => 'Two') ] }),
    $change, 200);
is_deeply [ @$r{qw(draft published)} ], [ 2, 1 ], 'what is published stays';
$t->send(template => 'a', data => { n => 7 }, %to);
is(($t->inbox($u))[0]{title}, 'One 7', 'and is what is sent');
$t->patch('/notification-templates/a', { contents => [ $in->(title => 'Three') ] });
$t->works($t->post('/notification-templates/a/publish'), $publish, 200);
$t->send(template => 'a', data => { n => 7 }, %to);
is(($t->inbox($u))[0]{title}, 'Three', 'until the draft is');
my $back = 'POST /notification-templates/{key}/rollback';
$t->works($t->post('/notification-templates/a/rollback', { to => 1 }), $back, 200);
$t->send(template => 'a', data => { n => 8 }, %to);
is(($t->inbox($u))[0]{title}, 'One 8', 'or an earlier one again');
$t->fails($t->post('/notification-templates/a/rollback', { to => 9 }), $back,
    'unknown_version', '/to');
$t->patch('/notification-templates/a', { contents => [ $in->(title => 'Four') ] });
$t->fails($t->post('/notification-templates/a/rollback', { to => 3 }), $back,
    'unknown_version', '/to', 'a draft is none');
$t->fails($t->post('/notification-templates/none/rollback', { to => 1 }), $back, 'not_found');

$t->fails($t->patch('/notification-templates/a', { contents => [ $in->(), $in->() ] }), $change,
    'content_twice', '/contents');
$t->fails($t->patch('/notification-templates/a', { contents => [ $in->(title => '{{') ] }),
    $change, 'template_syntax', '/contents/0/title');
$t->fails($t->patch('/notification-templates/a', { flow => [ map {
    { channel => 'push', after_s => 60 } } 1, 2 ] }), $change, 'step_twice', '/flow/1/channel');
$t->fails($t->patch('/notification-templates/a', { @flow }), $change, 'condition_invalid',
    '/flow/0/condition');
$t->fails($t->patch('/notification-templates/a', { category => 'none' }), $change,
    'unknown_category', '/category');
$t->fails($t->patch('/notification-templates/a', {}, 'If-Match' => '"v1"'), $change,
    'precondition_failed');
$t->fails($t->patch('/notification-templates/none', {}), $change, 'not_found');
$t->fails($t->get('/notification-templates/a', token => $Told::OTHER),
    'GET /notification-templates/{key}', 'not_found');
$t->works($t->get('/notification-templates'), 'GET /notification-templates', 200);
$t->works($t->get('/notification-templates/a'), 'GET /notification-templates/{key}', 200);


# removing

my $remove = 'DELETE /notification-categories/{key}';
$t->fails($t->delete('/notification-categories/orders'), $remove, 'in_use');
$t->fails($t->delete('/notification-categories/orders', 'If-Match' => '"v1"'), $remove,
    'precondition_failed');
$t->fails($t->delete('/notification-categories/none'), $remove, 'not_found');
my $drop = 'DELETE /notification-templates/{key}';
$t->fails($t->delete('/notification-templates/a', 'If-Match' => '"v1"'), $drop,
    'precondition_failed');
$t->works($t->delete('/notification-templates/a'), $drop, 204);
$t->fails($t->delete('/notification-templates/a'), $drop, 'not_found');
$t->works($t->delete('/notification-categories/orders'), $remove, 204);
$t->all_provoked('notifications_categories.c', 'notifications_templates.c',
                 'notifications_publishing.c');

done_testing;
