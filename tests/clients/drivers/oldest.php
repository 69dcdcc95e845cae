<?php
/*
 * The first generation: PHP 5 style, GET with everything in the query string, HmacSHA1, no zone in the timestamp, the
 * default namespace registered by hand for XPath, and regular expressions for the errors.
 */

define('MWS_HOST', parse_url(getenv('MWS_URL'), PHP_URL_HOST));
define('MWS_PORT', parse_url(getenv('MWS_URL'), PHP_URL_PORT));
define('MWS_PATH', '/Orders/2013-09-01');

class AmazonOrders
{
    var $status = 0;
    var $code = '';
    var $message = '';

    /* Returns a DOMXPath, or false with status, code and message set. */
    function call($action, $params)
    {
        $params['AWSAccessKeyId'] = getenv('MWS_ACCESS_KEY');
        $params['Action'] = $action;
        $params['SellerId'] = getenv('MWS_SELLER');
        $params['SignatureMethod'] = 'HmacSHA1';
        $params['SignatureVersion'] = '2';
        $params['Timestamp'] = gmdate('Y-m-d\TH:i:s');
        $params['Version'] = '2013-09-01';
        ksort($params, SORT_STRING);
        $query = array();
        foreach ($params as $name => $value) {
            $query[] = str_replace('%7E', '~', rawurlencode($name) . '=' . rawurlencode($value));
        }
        $query = implode('&', $query);
        $text = "GET\n" . strtolower(MWS_HOST) . "\n" . MWS_PATH . "\n" . $query;
        $signature = base64_encode(hash_hmac('sha1', $text, getenv('MWS_SECRET'), true));

        $url = 'http://' . MWS_HOST . ':' . MWS_PORT . MWS_PATH;
        $url .= '?' . $query . '&Signature=' . rawurlencode($signature);
        $context = stream_context_create(array('http' => array('ignore_errors' => true, 'timeout' => 20)));
        $xml = file_get_contents($url, false, $context);
        preg_match('/^HTTP\/\d\.\d (\d{3}) \w+/', $http_response_header[0], $line);
        $this->status = (int) $line[1];
        if (preg_match('/<Code>(.*?)<\/Code>/', $xml, $code)) {
            preg_match('/<Message>(.*?)<\/Message>/s', $xml, $message);
            $this->code = $code[1];
            $this->message = html_entity_decode($message[1]);
            return false;
        }
        $document = new DOMDocument();
        $document->loadXML($xml);
        $xpath = new DOMXPath($document);
        $xpath->registerNamespace('a', 'https://mws.amazonservices.com/Orders/2013-09-01');
        return $xpath;
    }
}

function text($xpath, $path, $context = null)
{
    $nodes = $xpath->query($path, $context);
    return $nodes->length ? $nodes->item(0)->nodeValue : null;
}

function read_all($amazon, $list)
{
    $found = array('pages' => 0, 'orders' => array(), 'first' => null, 'get_order' => array(), 'items' => array());
    $action = 'ListOrders';
    while ($list) {
        $page = $amazon->call($action, $list);
        if (!$page) {
            return null;
        }
        $found['pages']++;
        foreach ($page->query('//a:Order') as $order) {
            $found['orders'][] = text($page, 'a:AmazonOrderId', $order);
            if (!$found['first']) {
                $found['first'] = array(
                    'PurchaseDate' => text($page, 'a:PurchaseDate', $order),
                    'OrderStatus' => text($page, 'a:OrderStatus', $order),
                    'OrderTotal' => text($page, 'a:OrderTotal/a:Amount', $order),
                );
            }
        }
        $token = text($page, '//a:NextToken');
        $action = 'ListOrdersByNextToken';
        $list = $token ? array('NextToken' => $token) : null;
    }
    $ids = $found['orders'];
    $page = $amazon->call('GetOrder', array('AmazonOrderId.Id.1' => $ids[0], 'AmazonOrderId.Id.2' => $ids[1]));
    if (!$page) {
        return null;
    }
    foreach ($page->query('//a:AmazonOrderId') as $id) {
        $found['get_order'][] = $id->nodeValue;
    }
    foreach (array_slice($ids, 0, (int) getenv('MWS_ITEMS_OF')) as $id) {
        $page = $amazon->call('ListOrderItems', array('AmazonOrderId' => $id));
        if (!$page) {
            return null;
        }
        $found['items'][$id] = array();
        foreach ($page->query('//a:OrderItem') as $item) {
            $found['items'][$id][] = array(
                text($page, 'a:OrderItemId', $item),
                text($page, 'a:ASIN', $item),
                text($page, 'a:QuantityOrdered', $item),
                text($page, 'a:ItemPrice/a:Amount', $item),
            );
        }
    }
    return $found;
}

$amazon = new AmazonOrders();
$list = array(
    'CreatedAfter' => getenv('MWS_CREATED_AFTER'),
    'CreatedBefore' => getenv('MWS_CREATED_BEFORE'),
    'MarketplaceId.Id.1' => getenv('MWS_MARKETPLACE'),
    'MaxResultsPerPage' => getenv('MWS_PAGE_SIZE'),
);
$answer = null;
if (getenv('MWS_SCENARIO') == 'throttle') {
    for ($calls = 0; $calls < (int) getenv('MWS_CALLS') && $amazon->call('ListOrders', $list); $calls++);
} else {
    $answer = read_all($amazon, $list);
}
if (!$answer) {
    $answer = array(
        'error_type' => get_class($amazon),
        'code' => $amazon->code,
        'status' => $amazon->status,
        'message' => $amazon->message,
    );
}
echo json_encode($answer), "\n";
